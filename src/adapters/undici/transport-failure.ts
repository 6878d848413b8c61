import { AppError } from "../../core/errors.ts";
import type { TransportRequest } from "../../gateway/routing/upstream-transport.ts";

const silentCodes = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);
const unresolvedCodes = new Set(["ENOTFOUND", "EAI_AGAIN", "ENODATA"]);
const unreachedCodes = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "EHOSTDOWN", "ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT"]);
const closedCodes = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

/** Whether the other side ended the connection, rather than that something was wrong with what was sent or waited for. */
export function isClosedConnection(error: Error): boolean {
  return closedCodes.has(codeOf(error));
}

/**
 * What a caller may know of a failed exchange: nothing of this machine, its network, or the library; those are the cause. An error of its own each time, also where one failure ends many calls.
 * `begun`: the head of the answer had come.
 */
export function transportFailure(error: Error, begun: boolean): AppError {
  if (error instanceof AppError) return new AppError(error.code, error.message, { cause: error });
  const code = codeOf(error);
  if (silentCodes.has(code)) return new AppError("PROVIDER_TIMEOUT", begun ? "The provider fell silent in the middle of its answer." : "The provider did not begin to answer in time.", { cause: error });
  return new AppError("PROVIDER_UNAVAILABLE", reasonOf(code, begun), { cause: error });
}

/** An ended wait, by whoever waited. */
export function endedByCaller(signal: Pick<TransportRequest["signal"], "reason">): AppError {
  return new AppError("PROVIDER_UNAVAILABLE", "The call was ended before the provider had answered.", { cause: signal.reason });
}

function reasonOf(code: string, begun: boolean): string {
  if (begun) return "The provider broke off its answer.";
  if (unresolvedCodes.has(code)) return "The name of the provider cannot be resolved.";
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME|SSL|TLS/.test(code)) return "The certificate of the provider does not hold.";
  if (unreachedCodes.has(code)) return "The provider takes no connection.";
  if (/^HPE_/.test(code)) return "The provider's answer is not HTTP.";
  if (code === "UND_ERR_INVALID_ARG") return "A header of the provider's settings, or its secret, cannot stand in a request.";
  return "The provider ended the connection without an answer.";
}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
