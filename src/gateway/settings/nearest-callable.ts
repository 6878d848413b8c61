import { nearestName } from "../../core/nearest-name.ts";

/** So many names are compared, at most: whoever mistypes must not keep the server busy. */
const mostCompared = 1000;

export interface CallableNames {
  /** Routes, and models as PROVIDER/MODEL, that the caller may call. */
  names: Iterable<string>;
  providers: Iterable<string>;
  mayCall(name: string): boolean;
}

/**
 * What a caller perhaps meant by a name that stands for nothing: a route or model, a model whose provider was left out, or the same model of a provider with nearly that name. Null where nothing is near. Only what the caller may
 * call is named.
 */
export function nearestCallable(asked: string, { names, providers, mayCall }: CallableNames): string | null {
  const most = Math.max(1, Math.floor(asked.length / 3));
  const isOfLength = (name: string): boolean => Math.abs(asked.length - name.length) <= most;
  const whole: string[] = [];
  const byModel = new Map<string, string>();
  for (const name of names) {
    const model = name.slice(name.indexOf("/") + 1);
    if (isOfLength(name)) whole.push(name);
    if (model !== name && isOfLength(model)) byModel.set(model, name);
    if (whole.length + byModel.size >= mostCompared) break;
  }
  const nearest = nearestName(asked, whole) ?? byModel.get(nearestName(asked, byModel.keys()) ?? "") ?? null;
  const slash = asked.indexOf("/");
  if (nearest !== null || slash < 1) return nearest;
  const model = asked.slice(slash);
  const provider = nearestName(asked.slice(0, slash), [...providers].slice(0, mostCompared).filter((name) => mayCall(name + model)));
  return provider === null ? null : provider + model;
}
