import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Server } from "@grpc/grpc-js";

interface StreamHandling {
  _streamHandler(interceptors: unknown, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void;
}

/**
 * Closes streams that the library has answered at once, for a method that is not there or another content type: it leaves them open for as long as their caller likes, which needs no key for it. To be told before there
 * are connections. The library offers no place for this; its version is pinned, and the test of it fails without.
 */
export function closeRefusedStreams(server: Server): void {
  const handling = server as unknown as StreamHandling;
  const handle = handling._streamHandler.bind(server);
  handling._streamHandler = (interceptors, stream, headers) => {
    handle(interceptors, stream, headers);
    if (stream.headersSent && stream.writableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
  };
}
