import { Link, useLocation } from "wouter";
import { championOf, providerName, useModels, useServer } from "../data/models.ts";
import { Icon } from "../parts/icon.tsx";
import { Time } from "../parts/time.tsx";
import { formatCount } from "../format.ts";
import { sections } from "./sections.ts";
import { SessionNote } from "./session-note.tsx";

/** So many models are listed below their section; the page has all of them. */
const listedModels = 12;

export function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const [path] = useLocation();
  const groups = [...new Set(sections.map((section) => section.group))];
  return (
    <>
      <Link href="/models" className="brand" onClick={onNavigate}>
        <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" className="brand-mark">
          <rect width="32" height="32" rx="7" />
          <path d="M5 24.5 27 18.2" />
          <path d="M7.2 15.6h17.6l-3.6 4-10.6 3zM15.2 13.4V6.6l6 6.8z" className="brand-hull" />
        </svg>
        Slipway
      </Link>
      <nav aria-label="Main" className="navigation">
        {groups.map((group) => (
          <ul key={group} aria-label={group}>
            {sections.filter((section) => section.group === group).map((section) => (
              <li key={section.id}>
                <Link href={section.href} className="nav-link" onClick={onNavigate} aria-current={section.matches.test(path) ? (path === section.href || section.children === undefined ? "page" : "true") : undefined}>
                  <Icon name={section.icon} />
                  {section.label}
                </Link>
                {section.children === "models" && <ModelLinks onNavigate={onNavigate} />}
              </li>
            ))}
          </ul>
        ))}
      </nav>
      <SessionNote />
      <ServerNote />
    </>
  );
}

function ModelLinks({ onNavigate }: { onNavigate: () => void }) {
  const [path] = useLocation();
  const models = useModels().data?.models ?? [];
  if (models.length === 0) return null;
  return (
    <ul className="nav-children" aria-label="Models">
      {models.slice(0, listedModels).map((model) => {
        const champion = championOf(model, model.served);
        const state = model.served.find((served) => served.version === champion)?.state ?? "unloaded";
        const href = `/models/${model.name}`;
        return (
          <li key={model.name}>
            <Link href={href} onClick={onNavigate} className="nav-child" title={`${model.name}: ${state}`} aria-current={path === href || path.startsWith(`${href}/`) ? "page" : undefined}>
              <span className={`state-dot state-dot-${state}`} aria-hidden="true" />
              <span className="nav-child-name">{model.name}</span>
              {state !== "ready" && <span className="visually-hidden">, {state}</span>}
            </Link>
          </li>
        );
      })}
      {models.length > listedModels && (
        <li>
          <Link href="/models" onClick={onNavigate} className="nav-child nav-more">
            all {formatCount(models.length)}
          </Link>
        </li>
      )}
    </ul>
  );
}

/** What this server is; the first thing that somebody asks who helps. */
function ServerNote() {
  const { data } = useServer();
  if (data === undefined) return null;
  const providers = data.executionProviders.map(providerName);
  return (
    <dl className="server-note" aria-label="Server">
      <div>
        <dt>Version</dt>
        <dd>{data.version}</dd>
      </div>
      <div>
        <dt>Runs on</dt>
        <dd>{providers.join(", ")}</dd>
      </div>
      <div>
        <dt>HTTP · gRPC</dt>
        <dd>
          {data.httpPort} · {data.grpcPort > 0 ? data.grpcPort : "off"}
        </dd>
      </div>
      <div>
        <dt>Started</dt>
        <dd>
          <Time at={data.startedAt} relative />
        </dd>
      </div>
    </dl>
  );
}
