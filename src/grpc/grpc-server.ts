import { once } from "node:events";
import {
  logVerbosity, Server, ServerCredentials, setLogVerbosity, type handleBidiStreamingCall, type handleUnaryCall, type Metadata, type sendUnaryData, type ServerDuplexStream, type ServerUnaryCall,
  type MethodDefinition, type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { BodyBudget, bodyMemoryBytes } from "../core/body-budget.ts";
import { anonymousCaller, type Caller } from "../core/caller.ts";
import type { Clock, EpochMs } from "../core/clock.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { GrpcMethod, GrpcService, StreamMethod } from "../core/grpc-service.ts";
import type { IdGenerator } from "../core/ids.ts";
import type { Logger } from "../core/logger.ts";
import { isAnonymous, isDenial, type RequestGate } from "../core/request-gate.ts";
import type { TlsSource } from "../core/tls-source.ts";
import type { TurnedAway } from "../core/turned-away.ts";
import { admittingInterceptor, type CallAdmission, type CallHead } from "./call-admission.ts";
import { GrpcConnections } from "./grpc-connections.ts";
import { callError } from "./grpc-status.ts";
import { MessageMemory, type CallMemory } from "./message-memory.ts";
import { closeRefusedStreams } from "./refused-streams.ts";
import { PendingAnswer, ReceivedCall, type AnyCall } from "./received-call.ts";

export interface GrpcServerOptions {
  host: string;
  port: number;
  /** Largest message in either direction, decompressed; 64 MiB when absent. */
  maxMessageBytes?: number;
  /** Calls that one connection may have under way at once; 1,024 when absent. */
  maxConcurrentCalls?: number;
  /** Connections that may be open at once; 1,000 when absent. */
  maxConnections?: number;
  turnedAway?: Pick<TurnedAway, "count">;
  /** A message has so long to come; 30 s when absent. */
  messageTimeoutMs?: number;
  /** A caller who takes nothing of an answer for so long loses the call; a minute when absent. */
  readerTimeoutMs?: number;
  /** Certificate of this server; plain HTTP/2 where there is none. */
  tls?: TlsSource | undefined;
}

// What the library would print is told by rejections and statuses.
setLogVerbosity(logVerbosity.NONE);

/** Answers of one stream that may wait for earlier ones; the caller is not read further beyond it. */
const maxAhead = 64;

/** Methods that anybody may call have messages of a name or two. */
const maxPublicBytes = 64 << 10;

/** The gRPC door: transport, limits, deadlines, errors and draining. What it offers is declared by the services. */
export class GrpcServer {
  readonly #server: Server;
  readonly #options: GrpcServerOptions;
  readonly #access: RequestGate;
  readonly #ids: IdGenerator;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #connections: GrpcConnections;
  readonly #memory: MessageMemory;
  /** By the call's metadata: the one object of it that the library gives to interceptors and handlers. */
  readonly #memoryOf = new WeakMap<Metadata, CallMemory>();
  #sweeper: NodeJS.Timeout | undefined;

  /** `budget` is for messages while they come and until they are answered; without one, it is this door's own. */
  constructor(options: GrpcServerOptions, parts: { services: readonly GrpcService[]; access: RequestGate; ids: IdGenerator; clock: Clock; logger: Logger; budget?: BodyBudget }) {
    this.#options = options;
    this.#access = parts.access;
    this.#ids = parts.ids;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
    const maxMessageBytes = options.maxMessageBytes ?? 64 << 20;
    this.#memory = new MessageMemory(
      { maxMessageBytes, messageTimeoutMs: options.messageTimeoutMs ?? 30_000, readerTimeoutMs: options.readerTimeoutMs ?? 60_000 }, { budget: parts.budget ?? new BodyBudget(bodyMemoryBytes(maxMessageBytes)), clock: parts.clock },
    );
    this.#server = new Server({
      interceptors: [this.#admitting(parts.services)],
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": maxMessageBytes,
      "grpc.max_concurrent_streams": options.maxConcurrentCalls ?? 1024,
      // A caller whose machine is gone is noticed within 80 seconds, and its work dropped.
      "grpc.keepalive_time_ms": 60_000,
      "grpc.keepalive_timeout_ms": 20_000,
      "grpc.enable_channelz": 0,
    });
    closeRefusedStreams(this.#server);
    for (const service of parts.services) this.#register(service);
    // Over TLS, too: what is handed over is decrypted.
    const openInjector = (): ReturnType<Server["createConnectionInjector"]> => this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    this.#connections = new GrpcConnections({ host: options.host, port: options.port, most: options.maxConnections ?? 1000, tls: options.tls, turnedAway: options.turnedAway }, { clock: parts.clock, logger: parts.logger, openInjector });
  }

  /** Answers with the port that was taken (0 asks for any). */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    this.#sweeper = setInterval(() => this.#memory.sweep(), 1000).unref();
    return this.#connections.listen().catch((cause: unknown) => {
      throw new AppError("CONFIG_INVALID", `Cannot listen for gRPC on ${host}: port ${port} is taken or not allowed.`, { cause });
    });
  }

  /** Takes no further calls and answers those under way; after `graceMs` what is left is cut off. */
  async drain(graceMs: number): Promise<void> {
    await this.#connections.drain(graceMs);
    this.#server.forceShutdown();
    clearInterval(this.#sweeper);
  }

  /** Bounds what comes of each call, and reads nothing of one whose caller may not call at all. */
  #admitting(services: readonly GrpcService[]): ReturnType<typeof admittingInterceptor> {
    const admissions = new Map<string, CallAdmission>();
    for (const service of services) for (const method of service.methods) admissions.set(`/${service.name}/${method.name}`, this.#admissionOf(service, method));
    return admittingInterceptor((path) => admissions.get(path)!);
  }

  #admissionOf(service: GrpcService, method: GrpcMethod): CallAdmission {
    const single = method.kind === "unary";
    const maxBytes = method.access === "public" ? maxPublicBytes : null;
    return {
      watch: (stream, refuse) => this.#memory.watch(stream, single, { maxBytes, refuse }),
      admit: (head, memory) => {
        this.#memoryOf.set(head.metadata, memory);
        if (single) return this.#admitSingle(method, head);
        return this.#admitStream(method, head);
      },
      statusOf: (thrown) => {
        const error = toAppError(thrown);
        this.#logFailure(service, method, error);
        return callError(error, service.errorText(error));
      },
    };
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
      const memory = this.#memoryOf.get(call.metadata)!;
      this.#answer(method, call, call.request, new PendingAnswer(memory)).then(
        (answer) => {
          // Until the stream is closed.
          memory.answering(answer.length);
          callback(null, answer);
        },
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
    return (call: ServerDuplexStream<Buffer, Buffer>) => this.#answerStream(service, method, call);
  }

  /** Nobody's message is taken who may not call at all; what it names is judged when it is read. Undefined where nothing is to be waited for. */
  #admitSingle(method: GrpcMethod, head: CallHead): Promise<void> | undefined {
    if (method.access === "public") return undefined;
    const now = this.#clock.now();
    const identified = this.#identifyOrReject(head, now);
    if (!(identified instanceof Promise) && !isAnonymous(identified)) return undefined;
    return this.#admit(method, identified, (caller) => (isAnonymous(caller) ? this.#access.authorize(caller, method.access, "some", {}) : undefined), now);
  }

  /** Who may not call the method at all gets no stream; what its messages name is judged message by message. */
  #admitStream(method: GrpcMethod, head: CallHead): Promise<void> {
    const now = this.#clock.now();
    const target = method.on === undefined || method.on === "server" ? "server" : "some";
    return this.#admit(method, this.#identifyOrReject(head, now), (caller) => this.#access.authorize(caller, method.access, target, {}), now);
  }

  async #admit(method: GrpcMethod, identified: Caller | Promise<Caller>, authorize: (caller: Caller) => void | Promise<void>, now: EpochMs): Promise<void> {
    let caller = anonymousCaller;
    try {
      caller = await identified;
      await authorize(caller);
    } catch (thrown) {
      await this.#auditFailure(method, caller, "", now, toAppError(thrown));
      throw thrown;
    }
  }

  #answerStream(service: GrpcService, method: StreamMethod<unknown, unknown>, call: ServerDuplexStream<Buffer, Buffer>): void {
    const memory = this.#memoryOf.get(call.metadata)!;
    let ahead = 0;
    let last: Promise<unknown> = Promise.resolve();
    const write = async (answer: Buffer, pending: PendingAnswer): Promise<void> => {
      const taken = (): void => {
        memory.taken(answer.length);
        pending.taken();
      };
      if (!call.cancelled && !call.destroyed) {
        memory.answering(answer.length);
        if (!call.write(answer, taken)) await once(call, "drain");
      }
      memory.answered();
      if (--ahead < maxAhead && call.isPaused()) call.resume();
    };
    call.on("data", (message: Buffer) => {
      if (++ahead >= maxAhead) call.pause();
      const pending = new PendingAnswer(memory);
      const answer = this.#answer(method, call, message, pending).catch((thrown: unknown) => {
        const error = toAppError(thrown);
        this.#logFailure(service, method, error);
        return method.encode(method.failure(error, decodedOrNothing(method, message)));
      });
      // What fails beyond the method itself is the caller's leaving.
      last = last.then(() => answer).then((bytes) => write(bytes, pending)).catch(() => call.destroy());
    });
    call.on("end", () => void last.then(() => call.end()));
    call.on("error", () => call.destroy());
  }

  async #answer(method: GrpcMethod, call: AnyCall, message: Buffer, answer: PendingAnswer): Promise<Buffer> {
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
      const response: unknown = await method.handle(new ReceivedCall(request, caller, now, { call, answer }));
      if (method.audited === true) {
        await this.#access.audit({ now, caller, operation: method.name, object, result: "allowed", requestId: this.#ids.next("request") });
      }
      return method.encode(response);
    } catch (thrown) {
      await this.#auditFailure(method, caller, object, now, toAppError(thrown));
      throw thrown;
    }
  }

  /** The library catches nothing that is thrown where it tells of a call's head. */
  #identifyOrReject(head: CallHead, now: EpochMs): Caller | Promise<Caller> {
    try {
      return this.#identify(head, now);
    } catch (thrown) {
      return Promise.reject(toAppError(thrown));
    }
  }

  #identify(call: CallHead, now: EpochMs): Caller | Promise<Caller> {
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
