import { z } from "zod";
import { route, type Route } from "../core/route.ts";
import { NewKey } from "./schemas.ts";
import type { SetupService } from "./setup-service.ts";

const SetupRequest = z
  .strictObject({
    token: z.string().min(1).max(200).meta({ description: "From the server's standard error; works once, and for an hour" }),
    name: z.string().trim().min(1).max(200).meta({ description: "Whose key it is" }),
  })
  .meta({ id: "SetupRequest" });

export function setupRoutes(setup: SetupService): Route[] {
  return [
    route({
      method: "POST", path: "/api/setup", access: "public", operationId: "setUp", summary: "Make the first admin key", tag: "Access",
      description: "Only on a server that asks for keys and has no admin yet. The answer holds the key; it is shown this once.",
      body: { kind: "json", schema: SetupRequest },
      response: z.object({ key: NewKey }),
      handle: async (request) => {
        const key = await setup.finish(request.body, request.now);
        request.auditAs({ object: `key:${key.id}`, detail: { name: key.name, grants: key.grants } });
        return { key };
      },
    }),
  ];
}
