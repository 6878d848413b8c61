import { z } from "zod";
import { AppError } from "../core/errors.ts";
import type { Route } from "../core/route.ts";
import { mlflowRoute } from "./mlflow-route.ts";

/**
 * Clients from 3.0 on send traces here, in the background, as they send to any server older than 3.4 by its `GET /version`. They show the message in their
 * log once for each trace and go on; code that is traced is not disturbed.
 */
export function traceRoutes(): Route[] {
  return [
    mlflowRoute({
      method: "POST", root: "/3.0/mlflow", path: "/traces", access: "contributor", audited: false, tag: "MLflow",
      operationId: "mlflowStartTrace", summary: "Not supported: traces are not kept", body: { kind: "json", schema: z.object({}), maxBytes: 64 << 20 }, response: z.object({}),
      handle: () => {
        throw new AppError("NOT_SUPPORTED", "This server keeps no traces; mlflow.tracing.disable() ends this message.");
      },
    }),
  ];
}
