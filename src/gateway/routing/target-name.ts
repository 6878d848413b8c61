import type { RouteTarget } from "../schemas.ts";

/** As callers and administrators write it. */
export function targetName({ provider, model }: Pick<RouteTarget, "provider" | "model">): string {
  return `${provider}/${model}`;
}
