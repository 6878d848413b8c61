import type { ServerHttp2Stream } from "node:http2";
import { ServerInterceptingCall, status, type Metadata, type ServerInterceptor } from "@grpc/grpc-js";
import type { callError } from "./grpc-status.ts";
import type { CallMemory } from "./message-memory.ts";

/** A call of which nothing but its head has come. */
export interface CallHead {
  metadata: Metadata;
  getPeer(): string;
}

/** What is done with a call before its first message is read. */
export interface CallAdmission {
  watch(stream: ServerHttp2Stream, refuse: (thrown: unknown) => void): CallMemory;
  /** Throws, or rejects, where the caller may not call. */
  admit(head: CallHead, memory: CallMemory): Promise<void> | undefined;
  statusOf(thrown: unknown): ReturnType<typeof callError>;
}

/** The library reads a call's messages when it is told of its head: that is held back until the caller is admitted. Whoever is not hears so at once, however much he meant to send. */
export function admittingInterceptor(admissionOf: (path: string) => CallAdmission): ServerInterceptor {
  return (method, call) => {
    const admission = admissionOf(method.path);
    // What comes in pieces is seen nowhere else; the library's version is pinned, and the tests of floods fail without it.
    const { stream } = call as unknown as { stream: ServerHttp2Stream };
    const memory = admission.watch(stream, (thrown) => call.sendStatus({ code: status.INTERNAL, details: "", ...admission.statusOf(thrown) }));
    return new ServerInterceptingCall(call, {
      start: (next) => next({
        onReceiveMetadata: (metadata, read) => {
          const admitted = admission.admit({ metadata, getPeer: () => call.getPeer() }, memory);
          if (admitted === undefined) read(metadata);
          else admitted.then(() => read(metadata), (thrown: unknown) => memory.refuse(thrown));
        },
      }),
    });
  };
}
