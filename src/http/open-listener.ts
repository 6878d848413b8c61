import type { Server, ServerOptions } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { TlsSource } from "../core/tls-source.ts";

// Not imported: an import reads every export, and with them Node loads its WebSocket, 3 MiB that nothing here uses.
const { createServer } = process.getBuiltinModule("node:http");

/** Until the head of a request is there, and until the handshake of TLS is over. */
const usualHeadMs = 10_000;
/** Node looks for heads that are late so often, or more often where less is asked for. */
const lookMs = 30_000;

/** The server of `node:http`, over TLS where there is a certificate; a renewed one serves the next connections. */
export function openListener(tls: TlsSource | undefined, headMs = usualHeadMs): Server {
  const options: ServerOptions = { headersTimeout: headMs, connectionsCheckingInterval: Math.min(lookMs, 3 * headMs), requestTimeout: 0, keepAliveTimeout: 75_000 };
  if (tls === undefined) return prepared(createServer(options));
  const { certificate, key } = tls.current;
  const secure = createTlsServer({ ...options, cert: certificate, key, handshakeTimeout: headMs });
  secure.once("close", tls.onChange((renewed) => secure.setSecureContext({ cert: renewed.certificate, key: renewed.key })));
  // It has all that the plain one has; the types only do not say so.
  return prepared(secure as unknown as Server);
}

function prepared(server: Server): Server {
  // Node's own, which closing calls, also cuts off answers that have been written and not yet taken: see closeListener.
  server.closeIdleConnections = () => undefined;
  // What comes with an expectation that nobody knows is a request like others: Node would answer it by itself, without a reason.
  return server.on("checkExpectation", (request, response) => server.emit("request", request, response));
}
