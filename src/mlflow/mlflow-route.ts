import type { z } from "zod";
import type { BodySpec, Route, route } from "../core/route.ts";
import { mlflowError } from "./wire-error.ts";

/** What MLflow's own pages call instead of `/api`. */
const prefixes = ["/api", "/ajax-api"] as const;

type Declaration = Parameters<typeof route>[0];

/**
 * A route of MLflow's wire: `path` begins behind `/api/2.0/mlflow` (or the other `root`), both prefixes answer, errors have MLflow's shape, a
 * query comes as lists, and a body may be left out. Schemas are made with `request-fields.ts`.
 */
export const mlflowRoute = ((declaration: Declaration & { root?: string }): Route => {
  const { root = "/2.0/mlflow", path, body, ...rest } = declaration as Route & { root?: string };
  const [first, ...others] = prefixes.map((prefix) => `${prefix}${root}${path}`);
  return {
    ...rest,
    path: first!,
    aliases: others,
    on: rest.on ?? "some",
    repeatedQuery: true,
    ...(body === undefined ? {} : { body: body.kind === "json" ? { ...body, optional: true, numbersAsSent: true } : body }),
    errorBody: mlflowError,
  };
}) as <
  Query extends z.ZodType | undefined = undefined,
  Params extends z.ZodType | undefined = undefined,
  Body extends BodySpec | undefined = undefined,
  Response extends z.ZodType | { mediaType: string; description: string } = z.ZodType,
>(
  declaration: Parameters<typeof route<Params, Query, Body, Response>>[0] & { root?: string },
) => Route;

