import type { Duplex } from "node:stream";
import { rawRefusal, refuse } from "./raw-refusal.ts";

/** Answers what Node could not read as a request, or did not get in time. `begunOn` counts the requests that have begun on a connection. */
export function refuseUnread(error: NodeJS.ErrnoException, socket: Duplex, begunOn: (socket: Duplex) => number): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  if (error.code !== "ERR_HTTP_REQUEST_TIMEOUT") {
    return refuse(socket, error.code === "HPE_HEADER_OVERFLOW"
      ? rawRefusal("431 Request Header Fields Too Large", "The request's headers are larger than this server takes.")
      : rawRefusal("400 Bad Request", "What arrived is not an HTTP request that this server can read."));
  }
  // Times are judged before sockets are read: where this process was busy for so long, the request may have been here for all of it.
  const before = begunOn(socket);
  setImmediate(() => {
    if (begunOn(socket) === before && socket.writable) refuse(socket, rawRefusal("408 Request Timeout", "The head of the request did not come in time.", "BODY_TIMEOUT"));
  });
}
