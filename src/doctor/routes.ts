import { z } from "zod";
import type { DoctorCheck } from "../core/doctor-check.ts";
import { route, type Route } from "../core/route.ts";
import { examine } from "./examine.ts";
import { DoctorResult } from "./schemas.ts";

export function doctorRoutes(checks: readonly DoctorCheck[]): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/doctor",
      access: "admin",
      operationId: "examineServer",
      summary: "What is wrong with this installation, and what to do",
      tag: "System",
      response: z.object({ checks: z.array(DoctorResult) }),
      handle: async ({ now }) => ({ checks: await examine(checks, now) }),
    }),
  ];
}
