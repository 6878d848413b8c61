import { useResource } from "../../data/resource.ts";
import type { DoctorResult } from "../../data/types.ts";
import { plural } from "../../format.ts";
import { Chip, type Tone } from "../../parts/chip.tsx";
import { withCode } from "../../parts/error-box.tsx";
import { Icon } from "../../parts/icon.tsx";
import { KeyFigure, KeyFigures } from "../../parts/key-figure.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";

const tones: Record<DoctorResult["state"], Tone> = { problem: "bad", warning: "warning", ok: "good", skipped: "neutral" };
const order = ["problem", "warning", "ok", "skipped"] as const;

/** What is wrong with this installation, worst first, and what to do about it. */
export function DoctorTab() {
  const doctor = useResource<{ checks: DoctorResult[] }>("/api/doctor");
  return (
    <>
      <div className="toolbar">
        <button type="button" className="button" onClick={doctor.reload} disabled={doctor.pending}><Icon name="reload" /> {doctor.pending ? "Examining…" : "Examine again"}</button>
        <span className="toolbar-note">The same on the command line, also for a server that does not start: <code>npx slipway doctor</code></span>
      </div>
      <ResourceView resource={doctor} lines={8}>
        {({ checks }) => {
          const count = (state: DoctorResult["state"]): number => checks.filter((check) => check.state === state).length;
          return (
            <>
              <KeyFigures label="Checks">
                <KeyFigure label="Problems" value={count("problem")} tone={count("problem") > 0 ? "bad" : undefined} />
                <KeyFigure label="Warnings" value={count("warning")} tone={count("warning") > 0 ? "warning" : undefined} />
                <KeyFigure label="In order" value={count("ok")} />
                <KeyFigure label="Not looked at" value={count("skipped")} />
              </KeyFigures>
              <ul className="panel doctor-list" aria-label={plural(checks.length, "check")}>
                {[...checks].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state)).map((check) => (
                  <li key={check.name}>
                    <Chip tone={tones[check.state]}>{check.state}</Chip>
                    <div>
                      <h3>{check.name}</h3>
                      <p>{withCode(check.finding)}</p>
                      {check.advice !== "" && <p className="doctor-advice">{withCode(check.advice)}</p>}
                    </div>
                  </li>
                ))}
              </ul>
            </>
          );
        }}
      </ResourceView>
    </>
  );
}
