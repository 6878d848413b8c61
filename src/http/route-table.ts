import createRouter, { type HTTPMethod } from "find-my-way";
import type { Access, Route } from "../core/route.ts";

const accessLevels: ReadonlySet<Access> = new Set(["public", "viewer", "contributor", "deployer", "admin"]);

export interface RouteMatch {
  route: Route;
  params: Record<string, string | undefined>;
}

/**
 * The only way in. A route without a declared access, or declared twice, is refused when the table is built, so it can
 * never be served.
 */
export class RouteTable {
  readonly routes: readonly Route[];
  readonly #router = createRouter({ ignoreTrailingSlash: true, maxParamLength: 512 });
  /** By the first segments of the paths, one and more; null where their routes disagree. */
  readonly #errorBodies = new Map<string, Route["errorBody"] | null>();
  /** Paths without parameters, by method and their last segments, two and more; null where several end so. */
  readonly #endings = new Map<string, string | null>();

  constructor(routes: readonly Route[]) {
    const operations = new Set<string>();
    for (const route of routes) {
      const name = `${route.method} ${route.path}`;
      if (!accessLevels.has(route.access)) throw new Error(`Route ${name} declares no access; every route must.`);
      const target = route.on;
      if (typeof target === "object" && !parametersOf(route.path).has(target.parameter)) {
        throw new Error(`Route ${name} is judged on the parameter ${target.parameter}, which its path does not have.`);
      }
      if (operations.has(route.operationId)) throw new Error(`Operation ${route.operationId} is declared twice.`);
      operations.add(route.operationId);
      for (const path of [route.path, ...(route.aliases ?? [])]) {
        this.#router.on(route.method as HTTPMethod, path, () => undefined, route);
        for (const prefix of route.isGuest === true ? [] : prefixesOf(path)) {
          const known = this.#errorBodies.get(prefix);
          this.#errorBodies.set(prefix, known === undefined || known === route.errorBody ? (route.errorBody ?? null) : null);
        }
      }
    }
    for (const { method, path } of routes) {
      if (path.includes(":") || path.includes("*")) continue;
      const segments = path.split("/").slice(1);
      for (let from = 1; from < segments.length - 1; from++) {
        const ending = `${method} ${segments.slice(from).join("/")}`;
        this.#endings.set(ending, this.#endings.has(ending) ? null : path);
      }
    }
    this.routes = routes;
  }

  /** `path` is the target without its query. */
  find(method: string, path: string): RouteMatch | null {
    const found = this.#router.find((method === "HEAD" ? "GET" : method) as HTTPMethod, path);
    return found === null ? null : { route: found.store as Route, params: found.params };
  }

  /** How a target without a route fails: in the shape of the protocol that all routes under its longest known beginning speak. */
  errorBodyOf(target: string): Route["errorBody"] {
    const known = prefixesOf(target.replace(/\?.*$/s, "")).findLast((prefix) => this.#errorBodies.has(prefix));
    return known === undefined ? undefined : (this.#errorBodies.get(known) ?? undefined);
  }

  /**
   * A path without parameters that a caller of `path` may have meant; null where none is like it. Clients put `/v1` before a path that has it, leave it or another
   * beginning out, or put theirs behind an address that is a path already.
   */
  pathLike(method: string, path: string): string | null {
    const segments = path.split("/").filter((segment) => segment !== "");
    if (segments.length > maxLikeSegments) return null;
    for (let from = 0; from < segments.length; from++) {
      const rest = segments.slice(from).join("/");
      for (const candidate of [`/${rest}`, `/v1/${rest}`, `/${rest}s`, `/v1/${rest}s`]) if (this.find(method, candidate)?.route.path === candidate) return candidate;
      const ending = this.#endings.get(`${method} ${rest}`);
      if (typeof ending === "string") return ending;
    }
    return null;
  }

  /** Methods under which the path exists, for 405. */
  methodsOf(path: string): string[] {
    return ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((method) => this.find(method, path) !== null);
  }
}

/** Longer paths are like none. */
const maxLikeSegments = 12;

/** `:name` and `:name(pattern)`; `::` is a colon. */
function parametersOf(path: string): Set<string> {
  return new Set([...path.replaceAll("::", "").matchAll(/:([A-Za-z_]\w*)/g)].map((match) => match[1]!));
}

/** At most so many segments of a path tell its protocol. */
const maxPrefixSegments = 3;

/** `/api`, `/api/2.0` and `/api/2.0/mlflow` of a longer path; parameters end them. */
function prefixesOf(path: string): string[] {
  const prefixes: string[] = [];
  let prefix = "";
  for (const segment of path.split("/").slice(1, maxPrefixSegments + 1)) {
    // What begins with two slashes is nobody's in particular.
    if (segment === "" || segment.includes(":") || segment === "*") break;
    prefixes.push((prefix += `/${segment}`));
  }
  return prefixes;
}
