import { z } from "zod";

/** Calls of one route that ended with one error before any provider was asked. */
export const RefusedOnRoute = z
  .object({
    team: z.string(), route: z.string().meta({ description: "`other` for models that callers name past all routes, and for names that stand for nothing which they may call" }), reason: z.string().meta({ description: "Code of the error" }),
    calls: z.number().int().meta({ description: "In this hour and the 23 before it, on this server" }),
  })
  .meta({ id: "GatewayRefusedCalls" });
export type RefusedOnRoute = z.infer<typeof RefusedOnRoute>;
