import { AppError } from "../../../core/errors.ts";
import { routeOfSubject } from "../../../core/traffic-subject.ts";
import { holdModel, readVersion, type RegistryQueries } from "../registry/sql-registry-rows.ts";
import { holdRoute, missingRevision, revisionIn } from "../gateway/sql-route-revision-store.ts";

/** What a rollout is of, in a transaction: kept from changing until its end, so that changes of it come one after the other. */
export interface HeldSubject {
  team: string;
  /** Throws VERSION_NOT_FOUND, and ROLLOUT_IMPOSSIBLE where another than `stable` answers by now. */
  assertVersions(stable: string, candidate: string): Promise<void>;
}

/** Throws MODEL_NOT_FOUND, and GATEWAY_MODEL_NOT_FOUND for a route. */
export async function holdSubject(transaction: RegistryQueries, subject: string): Promise<HeldSubject> {
  const route = routeOfSubject(subject);
  if (route === null) {
    const { team } = await holdModel(transaction, subject);
    return {
      team,
      assertVersions: async (stable, candidate) => {
        for (const version of [stable, candidate]) await readVersion(transaction, subject, version);
      },
    };
  }
  const { team, revision } = await holdRoute(transaction, route);
  return {
    team,
    assertVersions: async (stable, candidate) => {
      for (const version of [stable, candidate]) if (((await revisionIn(transaction, route, Number(version)))?.settings ?? null) === null) throw missingRevision(route, version);
      // A champion that moves ends a model's rollout; settings that change while a route's begins would go by without a word.
      if (String(revision) !== stable) throw new AppError("ROLLOUT_IMPOSSIBLE", `The settings of the route ${route} were changed meanwhile: revision ${revision} answers, and not ${stable}.`);
    },
  };
}
