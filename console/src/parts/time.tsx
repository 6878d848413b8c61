import { now } from "../clock.ts";
import { formatAge, formatTime, formatUtc } from "../format.ts";

/** A moment in the reader's time zone; its title has it in UTC. */
export function Time({ at, relative = false }: { at: number; relative?: boolean }) {
  const local = formatTime(at, now());
  return (
    <time dateTime={new Date(at).toISOString()} title={relative ? `${local} · ${formatUtc(at)}` : formatUtc(at)} className="time">
      {relative ? `${formatAge(now() - at)} ago` : local}
    </time>
  );
}
