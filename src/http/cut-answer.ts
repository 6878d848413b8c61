import type { ServerResponse } from "node:http";
import type { AppError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Exchange } from "./served-request.ts";

/** Ends an answer that is under way to a caller who is still there; whoever makes it is told why by its signal, and people by the log. */
export function cutAnswer(logger: Logger, response: ServerResponse, exchange: Exchange, error: AppError, requestId: string): void {
  exchange.cutBy = error;
  logger.warn("request.failed", { requestId, code: error.code, message: error.message, route: exchange.route?.path });
  response.destroy();
}
