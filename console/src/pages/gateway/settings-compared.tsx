import type { RouteSettings } from "./gateway-data.ts";
import { settingsDifference } from "./settings-difference.ts";

/** Two states of a route's settings side by side: what differs alone, with marks at each line that does. */
export function SettingsCompared({ before, after, labels: [left, right] }: { before: RouteSettings; after: RouteSettings; labels: readonly [string, string] }) {
  const changed = settingsDifference(before, after);
  if (changed.length === 0) return <p className="table-none">The settings are the same.</p>;
  return changed.map(({ name, lines }) => (
    <section key={name} className="compared" aria-label={`${name}: what differs`}>
      <table className="compared-table">
        <caption><code>{name}</code></caption>
        <thead><tr><th scope="col">{left}</th><th scope="col">{right}</th></tr></thead>
        <tbody>
          {lines.map((line, index) => (
            <tr key={index}>
              <Line text={line.before} sign="−" className={line.same ? "" : "compared-before"} />
              <Line text={line.after} sign="+" className={line.same ? "" : "compared-after"} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  ));
}

/** A sign stands before what differs: colour alone would not tell. */
function Line({ text, sign, className }: { text: string | null; sign: string; className: string }) {
  if (text === null) return <td className="compared-none" />;
  return <td className={className}>{className !== "" && <span className="compared-sign">{sign} </span>}{text === "" ? "\u00a0" : text}</td>;
}
