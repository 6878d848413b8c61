import { once, setMaxListeners } from "node:events";
import {
  logVerbosity, Server, ServerCredentials, setLogVerbosity, type handleBidiStreamingCall, type handleUnaryCall, type sendUnaryData, type ServerDuplexStream, type ServerUnaryCall,
  type MethodDefinition, type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { anonymousCaller, type Caller } from "../core/caller.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { GrpcCall, GrpcMethod, GrpcService, StreamMethod } from "../core/grpc-service.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { isAnonymous, isDenial, type RequestGate } from "../core/request-gate.ts";
import type { TlsSource } from "../core/tls-source.ts";
import { GrpcConnections } from "./grpc-connections.ts";
import { callError } from "./grpc-status.ts";

export interface GrpcServerOptions {
  host: string;
  port: number;
  /** Largest message in either direction, decompressed; 64 MiB when absent. */
  maxMessageBytes?: number;
  /** Calls that one connection may have under way at once; 1,024 when absent. */
  maxConcurrentCalls?: number;
  /** Connections that may be open at once; 1,000 when absent. */
  maxConnections?: number;
  /** Certificate of this server; plain HTTP/2 where there is none. */
  tls?: TlsSource | undefined;
}

// What the library would print is told by rejections and statuses.
setLogVerbosity(logVerbosity.NONE);

type AnyCall = ServerUnaryCall<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/** Answers of one stream that may wait for earlier ones; the caller is not read further beyond it. */
const maxAhead = 64;

/** The gRPC door: transport, limits, deadlines, errors and draining. What it offers is declared by the services. */
export class GrpcServer {
  readonly #server: Server;
  readonly #options: GrpcServerOptions;
  readonly #access: RequestGate;
  readonly #ids: IdGenerator;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #connections: GrpcConnections;

  constructor(options: GrpcServerOptions, parts: { services: readonly GrpcService[]; access: RequestGate; ids: IdGenerator; clock: Clock; logger: Logger }) {
    this.#options = options;
    this.#access = parts.access;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    const maxMessageBytes = options.maxMessageBytes ?? 64 << 20;
    this.#server = new Server({
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": maxMessageBytes,
      "grpc.max_concurrent_streams": options.maxConcurrentCalls ?? 1024,
      // A caller whose machine is gone is noticed within 80 seconds, and its work dropped.
      "grpc.keepalive_time_ms": 60_000,
      "grpc.keepalive_timeout_ms": 20_000,
      "grpc.enable_channelz": 0,
    });
    for (const service of parts.services) this.#register(service);
    // Over TLS, too: what is handed over is decrypted.
    const openInjector = (): ReturnType<Server["createConnectionInjector"]> => this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#connections = new GrpcConnections({ host: options.host, port: options.port, most: options.maxConnections ?? 1000, tls: options.tls }, { clock: parts.clock, openInjector });
  }

  /** Answers with the port that was taken (0 asks for any). */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    return this.#connections.listen().catch((cause: unknown) => {
      throw new AppError("CONFIG_INVALID", `Cannot listen for gRPC on ${host}: port ${port} is taken or not allowed.`, { cause });
    });
  }

  /** Takes no further calls and answers those under way; after `graceMs` what is left is cut off. */
  async drain(graceMs: number): Promise<void> {
    await this.#connections.drain(graceMs);
    this.#server.forceShutdown();
  }

  #register(service: GrpcService): void {
    const definition: Record<string, MethodDefinition<Buffer, Buffer>> = {};
    const implementation: UntypedServiceImplementation = {};
    // Messages pass the library as bytes, so that one that cannot be read is the caller's mistake and not the server's.
    const bytes = (message: Buffer): Buffer => message;
    for (const method of service.methods) {
      const stream = method.kind === "stream";
      definition[method.name] = {
        path: `/${service.name}/${method.name}`,
        requestStream: stream, responseStream: stream,
        requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes,
      };
      implementation[method.name] = method.kind === "stream" ? this.#streamHandler(service, method) : this.#unaryHandler(service, method);
    }
    this.#server.addService(definition, implementation);
  }

  #unaryHandler(service: GrpcService, method: GrpcMethod): handleUnaryCall<Buffer, Buffer> {
    return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
      this.#answer(method, call, call.request).then(
        (answer) => callback(null, answer),
        (thrown: unknown) => {
          const error = toAppError(thrown);
          this.#logFailure(service, method, error);
          callback(callError(error, service.errorText(error)));
        },
      );
    };
  }

  /** Messages are worked on as they come, answers keep their order. A failure is a message of its own. */
  #streamHandler(service: GrpcService, method: StreamMethod<unknown, unknown>): handleBidiStreamingCall<Buffer, Buffer> {
    return (call: ServerDuplexStream<Buffer, Buffer>) => {
      this.#admit(method, call).then(
        () => this.#answerStream(service, method, call),
        (thrown: unknown) => {
          const error = toAppError(thrown);
          this.#logFailure(service, method, error);
          call.emit("error", callError(error, service.errorText(error)));
        },
      );
    };
  }

  /** Who may not call the method at all gets no stream; what its messages name is judged message by message. */
  async #admit(method: GrpcMethod, call: AnyCall): Promise<void> {
    const now = this.#clock.now();
    let caller = anonymousCaller;
    try {
      caller = await this.#identify(call, now);
      await this.#access.authorize(caller, method.access, method.on === undefined || method.on === "server" ? "server" : "some", {});
    } catch (thrown) {
      await this.#auditFailure(method, caller, "", now, toAppError(thrown));
      throw thrown;
    }
  }

  #answerStream(service: GrpcService, method: StreamMethod<unknown, unknown>, call: ServerDuplexStream<Buffer, Buffer>): void {
    let ahead = 0;
    let last: Promise<unknown> = Promise.resolve();
    const write = async (answer: Buffer): Promise<void> => {
      if (!call.cancelled && !call.destroyed && !call.write(answer)) await once(call, "drain");
      if (--ahead < maxAhead && call.isPaused()) call.resume();
    };
    call.on("data", (message: Buffer) => {
      if (++ahead >= maxAhead) call.pause();
      const answer = this.#answer(method, call, message).catch((thrown: unknown) => {
        const error = toAppError(thrown);
        this.#logFailure(service, method, error);
        return method.encode(method.failure(error, decodedOrNothing(method, message)));
      });
      // What fails beyond the method itself is the caller's leaving.
      last = last.then(() => answer).then(write).catch(() => call.destroy());
    });
    call.on("end", () => void last.then(() => call.end()));
    call.on("error", () => call.destroy());
  }

  async #answer(method: GrpcMethod, call: AnyCall, message: Buffer): Promise<Buffer> {
    const now = this.#clock.now();
    let caller = anonymousCaller;
    let object = "";
    try {
      const identified = this.#identify(call, now);
      caller = identified instanceof Promise ? await identified : identified;
      // Before the message is read: nobody's bytes are parsed who may not call at all.
      if (method.access !== "public" && isAnonymous(caller)) await this.#access.authorize(caller, method.access, "some", {});
      const request: unknown = method.decode(message);
      const { on = "server" } = method;
      const named = typeof on === "object" ? on.nameIn(request) : undefined;
      if (typeof on === "object" && named !== undefined) object = `${on.kind}:${named}`;
      const authorized = typeof on !== "object"
        ? this.#access.authorize(caller, method.access, on, {})
        : this.#access.authorize(caller, method.access, named === undefined ? "some" : { kind: on.kind, parameter: "name" }, { name: named });
      if (authorized !== undefined) await authorized;
      const response: unknown = await method.handle(new ReceivedCall(request, caller, now, call));
      if (method.audited === true) {
        await this.#access.audit({ now, caller, operation: method.name, object, result: "allowed", requestId: this.#ids.next("request") });
      }
      return method.encode(response);
    } catch (thrown) {
      await this.#auditFailure(method, caller, object, now, toAppError(thrown));
      throw thrown;
    }
  }

  #identify(call: AnyCall, now: EpochMs): Caller | Promise<Caller> {
    const [authorization] = call.metadata.get("authorization");
    const address = call.getPeer().replace(/:\d+$/, "");
    return this.#access.identify({ authorization: authorization === undefined ? undefined : String(authorization), cookie: undefined, address }, now);
  }

  async #auditFailure(method: GrpcMethod, caller: Caller, object: string, now: EpochMs, error: AppError): Promise<void> {
    const denied = isDenial(error);
    if (!denied && !(method.audited === true && !isAnonymous(caller))) return;
    const written = this.#access
      .audit({ now, caller, operation: method.name, object, result: denied ? "denied" : "failed", code: error.code, requestId: this.#ids.next("request") })
      .catch((cause: unknown) => this.#logger.error("audit.not_written", { method: method.name, code: error.code, cause }));
    if (!denied) await written;
  }

  #logFailure(service: GrpcService, method: GrpcMethod, error: AppError): void {
    if (error.status < 500 || error.code === "QUEUE_FULL" || error.code === "NOT_SUPPORTED") return;
    const level = error.code === "INTERNAL" ? "error" : "warn";
    this.#logger[level]("call.failed", { code: error.code, message: error.message, method: `${service.name}/${method.name}`, cause: error.cause });
  }
}

function decodedOrNothing(method: GrpcMethod, message: Buffer): unknown {
  try {
    return method.decode(message) as unknown;
  } catch {
    return undefined; // the failure to be told is that it cannot be read
  }
}

/** One call as the handler sees it; what costs time is made when it is asked for. */
class ReceivedCall implements GrpcCall<unknown> {
  readonly request: unknown;
  readonly caller: Caller;
  readonly now;
  readonly #call: AnyCall;

  constructor(request: unknown, caller: Caller, now: GrpcCall<unknown>["now"], call: AnyCall) {
    this.request = request;
    this.caller = caller;
    this.now = now;
    this.#call = call;
  }

  get deadlineMs(): number | undefined {
    const deadline = Number(this.#call.getDeadline());
    return Number.isFinite(deadline) ? Math.max(0, deadline - this.now) : undefined;
  }

  get headers(): Readonly<Record<string, string | undefined>> {
    const headers: Record<string, string | undefined> = {};
    for (const [name, value] of Object.entries(this.#call.metadata.getMap())) if (typeof value === "string") headers[name] = value;
    return headers;
  }

  get traceparent(): string | undefined {
    const [value] = this.#call.metadata.get("traceparent");
    return typeof value === "string" ? value : undefined;
  }

  get signal(): AbortSignal {
    return signalOf(this.#call);
  }
}

const signals = new WeakMap<AnyCall, AbortSignal>();

/** One for a call and all messages of its stream. */
function signalOf(call: AnyCall): AbortSignal {
  let signal = signals.get(call);
  if (signal === undefined) {
    const controller = new AbortController();
    signal = controller.signal;
    setMaxListeners(0, signal);
    signals.set(call, signal);
    if (call.cancelled) controller.abort();
    else call.once("cancelled", () => controller.abort());
  }
  return signal;
}
