import type { WorkflowDefinition } from "./definition.ts";
import { AppError } from "../core/errors.ts";

/** The workflows that this process can run: by name, each in one or more versions. */
export class DefinitionCatalogue {
  readonly #versions = new Map<string, Map<number, WorkflowDefinition>>();

  /** Throws CONFIG_INVALID when a name has the same version twice. */
  constructor(definitions: readonly WorkflowDefinition[]) {
    for (const definition of definitions) {
      const versions = this.#versions.get(definition.name) ?? new Map<number, WorkflowDefinition>();
      if (versions.has(definition.version)) {
        throw new AppError("CONFIG_INVALID", `The workflow ${definition.name} is defined twice in version ${definition.version}.`);
      }
      versions.set(definition.version, definition);
      this.#versions.set(definition.name, versions);
    }
  }

  /** What a new run is started with. Throws WORKFLOW_NOT_FOUND. */
  latest(name: string): WorkflowDefinition {
    const versions = this.#versions.get(name);
    if (versions === undefined) {
      throw new AppError("WORKFLOW_NOT_FOUND", `There is no workflow named ${JSON.stringify(name)}; this server has ${[...this.#versions.keys()].sort().join(", ") || "none"}.`);
    }
    return versions.get(Math.max(...versions.keys()))!;
  }

  has(name: string): boolean {
    return this.#versions.has(name);
  }

  /** Of exactly this version, or undefined. */
  find(name: string, version: number): WorkflowDefinition | undefined {
    return this.#versions.get(name)?.get(version);
  }

  /** The newest version of each, by name. */
  listLatest(): WorkflowDefinition[] {
    return [...this.#versions.keys()].sort().map((name) => this.latest(name));
  }

  isWatching(name: string): boolean {
    return this.has(name) && this.latest(name).isWatching === true;
  }

  /** What to ask a store's `lease` for: the workflows that watch, or the others; all where it is not said. The limit of the newest version holds for all. */
  leasable(watching?: boolean): { name: string; version: number; concurrencyLimit: number | null }[] {
    return [...this.#versions].flatMap(([name, versions]) => {
      if (watching !== undefined && this.isWatching(name) !== watching) return [];
      const concurrencyLimit = this.latest(name).concurrency?.limit ?? null;
      return [...versions.keys()].map((version) => ({ name, version, concurrencyLimit }));
    });
  }
}
