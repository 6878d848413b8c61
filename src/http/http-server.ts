import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { anonymousCaller, keepsRights, mayOn } from "../core/caller.ts";
import type { Clock } from "../core/clock.ts";
import type { ErrorCode } from "../core/error-catalogue.ts";
import { AppError, toAppError, type Problem } from "../core/errors.ts";
import type { IdGenerator } from "../core/ids.ts";
import { surviveFailures } from "../core/listener-failures.ts";
import type { Logger } from "../core/logger.ts";
import { isAnonymous, isDenial, type AuditedRequest, type Credentials, type RequestGate } from "../core/request-gate.ts";
import type { TlsSource } from "../core/tls-source.ts";
import { HttpAnswer, isStreamed, type Route } from "../core/route.ts";
import type { TurnedAway } from "../core/turned-away.ts";
import { addressMistake } from "./address-mistake.ts";
import type { ConsoleFiles } from "./console-files.ts";
import { closeListener } from "./close-listener.ts";
import { ConnectionPlaces, type GivesWay } from "./connection-places.ts";
import { cutAnswer } from "./cut-answer.ts";
import { discardRest } from "./discard-rest.ts";
import { FollowedAnswers, shownAgain } from "./followed-answers.ts";
import { HostGate, loopbackHosts } from "./host-gate.ts";
import { openListener } from "./open-listener.ts";
import { describeProblems, parseQuery, parseRepeatedQuery, validate } from "./parse-request.ts";
import { auditedObject, authorizationOf, callerAddress, challengeOf, holderOf, isAudited } from "./request-access.ts";
import { rawRefusal, refuse } from "./raw-refusal.ts";
import { refuseUnread } from "./refuse-unread.ts";
import { RequestBodies, type RequestBodyLimits } from "./request-bodies.ts";
import type { RouteTable } from "./route-table.ts";
import { ServedRequest, type Exchange } from "./served-request.ts";
import { StalledReaders } from "./stalled-readers.ts";
import { writeAnswer } from "./write-answer.ts";

export interface HttpServerOptions extends RequestBodyLimits {
  host: string;
  port: number;
  /** Further exact Host values, beside loopback's; or whatever a request names. */
  allowedHosts: readonly string[] | "any";
  maxConnections: number;
  turnedAway?: Pick<TurnedAway, "count">;
  /** How long the head of a request may take to come; 10 s when absent. Milliseconds. */
  headTimeoutMs?: number;
  /** How long a caller may take nothing of a streamed answer while there is some; 60 s when absent. Milliseconds. */
  readerTimeoutMs?: number;
  /** Where a request comes from is what the proxy in front says. */
  trustedProxy?: boolean;
  /** Browsers reach this server over TLS: only pages over TLS are its own. */
  secure?: boolean;
  /** Certificate of this server; plain HTTP where there is none. */
  tls?: TlsSource | undefined;
}

/** Connections that the system may hold until they are taken, as far as it holds so many: of what comes beyond it a caller hears nothing for a second or more. */
const mostWaiting = 4096;

/** Failures that tell of callers and not of this server, hundreds in a second of a flood: they are counted, and not logged one by one. */
const expectedCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["QUEUE_FULL", "NOT_SUPPORTED", "CONNECTIONS_TAKEN", "GATEWAY_OVERLOADED"]);

/** The HTTP door: gates, routing, bodies, errors and draining. What it offers is the route table's. */
export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  readonly #table: RouteTable;
  readonly #console: ConsoleFiles;
  readonly #access: RequestGate;
  readonly #clock: Clock;
  readonly #ids: IdGenerator;
  readonly #logger: Logger;
  readonly #places: ConnectionPlaces;
  readonly #followed = new FollowedAnswers();
  readonly #readers: StalledReaders;
  readonly #bodies: RequestBodies;
  /** Requests whose connection another one has taken the place of. */
  readonly #leaving = new WeakSet<IncomingMessage>();
  #sweeper: NodeJS.Timeout | undefined;
  #gate = new HostGate([]);
  #draining = false;
  #active = 0;

  constructor(
    options: HttpServerOptions,
    parts: { table: RouteTable; console: ConsoleFiles; access: RequestGate; clock: Clock; ids: IdGenerator; logger: Logger },
  ) {
    this.#options = options;
    this.#bodies = new RequestBodies(options, parts.clock);
    this.#readers = new StalledReaders(options.readerTimeoutMs ?? 60_000);
    this.#table = parts.table;
    this.#console = parts.console;
    this.#access = parts.access;
    this.#clock = parts.clock;
    this.#ids = parts.ids;
    this.#logger = parts.logger;
    this.#server = openListener(options.tls, options.headTimeoutMs);
    this.#server.on("request", (request, response) => void this.#serve(request, response));
    this.#places = new ConnectionPlaces(options.maxConnections, {
      unfinishedRequest: (request, why) => this.#endUnfinished(request, why),
      stalledAnswer: (monotonic) => this.#readers.endLongest(monotonic),
    }, options.turnedAway);
    this.#server.on("connection", (socket: Socket) => this.#places.take(socket, this.#clock.monotonic()));
    if (options.tls !== undefined) this.#server.on("secureConnection", (socket: Socket) => this.#places.secured(socket));
    this.#server.on("clientError", (error, socket) => refuseUnread(error, socket, (connection) => this.#places.begunOn(connection)));
    this.#server.on("connect", (_request, socket) => refuse(socket, rawRefusal("405 Method Not Allowed", "This server is no proxy.")));
  }

  /** Answers with the port that was taken (0 asks for any). */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause: NodeJS.ErrnoException) => {
        const reason = cause.code === "EADDRINUSE" ? `port ${this.#options.port} is taken` : (cause.code ?? "it failed");
        reject(new AppError("CONFIG_INVALID", `Cannot listen on ${this.#options.host}: ${reason}.`, { cause }));
      });
      this.#server.listen({ port: this.#options.port, host: this.#options.host, backlog: mostWaiting }, resolve);
    });
    surviveFailures(this.#server, "HTTP", { clock: this.#clock, logger: this.#logger });
    const { port } = this.#server.address() as AddressInfo;
    const { allowedHosts, secure = false } = this.#options;
    this.#gate = new HostGate(allowedHosts === "any" ? "any" : [...loopbackHosts(port), ...allowedHosts.map((host) => host.toLowerCase())], { secure });
    this.#sweeper = setInterval(() => {
      this.#bodies.sweep();
      this.#followed.sweep(this.#clock.monotonic());
      this.#readers.sweep(this.#clock.monotonic());
    }, 1000).unref();
    return port;
  }

  /**
   * Every answer from now on closes its connection; then the listener closes. Callers on kept connections learn it from
   * an answer instead of a reset, as far as they call within `graceMs`. Settles when what is under way has ended.
   */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const end = this.#clock.monotonic() + graceMs;
    while ((this.#active > 0 || this.#places.open > 0) && this.#clock.monotonic() < end) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await closeListener(this.#server, this.#places);
    // Until here it fails what takes too long.
    clearInterval(this.#sweeper);
  }

  /** Ends at once, with what is still open. */
  destroy(): void {
    clearInterval(this.#sweeper);
    this.#server.close();
    this.#server.closeAllConnections();
    this.#places.destroyAll();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#active++;
    const place = this.#places.begin(request, this.#clock.monotonic());
    let requestId: string | undefined;
    const idOf = (): string => (requestId ??= this.#ids.next("request"));
    const now = this.#clock.now();
    const exchange: Exchange = { route: undefined, params: {}, caller: anonymousCaller, callerNow: () => Promise.resolve(anonymousCaller), address: "", facts: undefined, bodyBytes: 0, cutBy: undefined, watched: false };
    try {
      this.#gate.check(request);
      const url = request.url!;
      const queryStart = url.indexOf("?");
      const path = queryStart < 0 ? url : url.slice(0, queryStart);
      const match = this.#table.find(request.method!, path);
      if (match === null) {
        this.#serveUnrouted(request, response, path);
        return;
      }
      const route = (exchange.route = match.route);
      exchange.params = match.params;
      const credentials = this.#credentialsOf(request);
      exchange.address = credentials.address;
      const identified = this.#access.identify(credentials, now);
      const caller = identified instanceof Promise ? await identified : identified;
      if (place !== undefined) this.#places.known(place, holderOf(caller, exchange.address));
      exchange.caller = caller;
      const problems: Problem[] = [];
      const params = route.params === undefined ? match.params : validate(route.params, match.params, "path", problems);
      // What cannot be a name names no object.
      const target = problems.length > 0 ? "some" : (route.on ?? "server");
      const authorized = this.#access.authorize(exchange.caller, route.access, target, params as Record<string, string | undefined>);
      if (authorized !== undefined) await authorized;
      exchange.callerNow = shownAgain(this.#access, this.#clock, { credentials, access: route.access, target, params: match.params });
      const parse = route.repeatedQuery === true ? parseRepeatedQuery : parseQuery;
      const query = route.query === undefined ? {} : validate(route.query, queryStart < 0 ? {} : parse(url.slice(queryStart + 1)), "query", problems);
      if (problems.length > 0) throw new AppError("INVALID_REQUEST", describeProblems(problems), { problems });
      const body = route.body === undefined ? undefined : await this.#bodies.read(request, route.body, exchange);
      const result = await route.handle(new ServedRequest(params, query, body, request, response, idOf, now, exchange));
      // Who is told that something was changed may rely on its being written down who did it.
      if (isAudited(route, exchange.facts)) await this.#audit(exchange, { now, result: "allowed", requestId: idOf() });
      const isStream = result instanceof HttpAnswer && isStreamed(result.body);
      if (isStream) this.#watchReader(request, response, exchange, idOf);
      const { access } = route;
      if (isStream && access !== "public") {
        const { of } = result;
        this.#followed.add(response, this.#clock.monotonic(), async () => {
          const caller = await exchange.callerNow();
          // What the answer shows was chosen by what its caller might then, where it is not of one object; whoever may more by now asks again for the rest.
          const mayGoOn = of === null ? keepsRights(exchange.caller.grants, caller.grants) : mayOn(caller, access, of);
          if (!mayGoOn) throw new AppError("FORBIDDEN", "The caller may less than when this began.");
        }, (error) => cutAnswer(this.#logger, response, exchange, error, idOf()));
      }
      await writeAnswer(request, response, result, this.#draining);
    } catch (thrown) {
      const error = toAppError(thrown);
      await this.#auditFailure(exchange, error, now, idOf);
      await this.#fail(request, response, exchange.route, error, idOf());
    } finally {
      this.#followed.remove(response);
      this.#bodies.release(exchange);
      this.#places.end(request, this.#clock.monotonic());
      if (request.socket.writableLength > 0) this.#watchReader(request, response, exchange, idOf);
      this.#active--;
    }
  }

  /** Another connection takes its place: the answer says so, as far as the caller reads it at once. */
  #endUnfinished(request: IncomingMessage, why: GivesWay): void {
    const { socket } = request;
    if (this.#bodies.giveWay(request, why)) this.#leaving.add(request);
    else socket.destroy();
  }

  /** Also behind the last piece: what waits for its caller keeps the connection. */
  #watchReader({ socket }: IncomingMessage, response: ServerResponse, exchange: Exchange, idOf: () => string): void {
    const stalled = (): void => cutAnswer(this.#logger, response, exchange, new AppError("CALLER_STALLED", "The caller took nothing of the answer for too long."), idOf());
    if (exchange.watched || response.destroyed) return;
    exchange.watched = true;
    response.once("close", this.#readers.add(socket, this.#clock.monotonic(), stalled));
  }

  #credentialsOf(request: IncomingMessage): Credentials {
    const { cookie } = request.headers;
    return {
      authorization: authorizationOf(request),
      cookie: cookie !== undefined && this.#gate.mayCarryCookie(request) ? cookie : undefined,
      address: callerAddress(request, this.#options.trustedProxy === true),
    };
  }

  #audit({ route, params, caller, facts }: Exchange, end: Pick<AuditedRequest, "now" | "result" | "requestId" | "code">): Promise<void> {
    return this.#access.audit({
      ...end,
      caller: facts?.caller ?? caller,
      operation: route!.operationId,
      object: facts?.object ?? auditedObject(route!, params),
      ...(facts?.detail === undefined ? {} : { detail: facts.detail }),
    });
  }

  /** Denials of every route; other failures where something might have changed. The caller's answer stays the failure. */
  async #auditFailure(exchange: Exchange, error: AppError, now: AuditedRequest["now"], idOf: () => string): Promise<void> {
    const { route, caller } = exchange;
    if (route === undefined) return;
    const denied = isDenial(error);
    if (!denied && !(isAudited(route, exchange.facts) && !isAnonymous(caller))) return;
    const written = this.#audit(exchange, { now, result: denied ? "denied" : "failed", code: error.code, requestId: idOf() })
      .catch((cause: unknown) => this.#logger.error("audit.not_written", { requestId: idOf(), code: error.code, cause }));
    if (!denied) await written;
  }

  /** The console's files, or 404 and 405. */
  #serveUnrouted(request: IncomingMessage, response: ServerResponse, path: string): void {
    if (request.method === "GET" || request.method === "HEAD") {
      const file = this.#console.lookup(path, request.headers["accept-encoding"], request.headers.accept);
      if (file !== null) {
        const unchanged = file.headers.ETag !== undefined && request.headers["if-none-match"] === file.headers.ETag;
        response.writeHead(unchanged ? 304 : file.status, { ...file.headers, ...(this.#draining ? { Connection: "close" } : {}) });
        response.end(unchanged || request.method === "HEAD" ? undefined : file.body);
        return;
      }
    }
    const methods = this.#table.methodsOf(path);
    const like = methods.length === 0 ? this.#table.pathLike(request.method!, path) : null;
    if (methods.length === 0) throw new AppError("ROUTE_NOT_FOUND", like === null ? "There is nothing at this path." : `There is nothing at this path; the one like it is ${like}.${addressMistake(path, like)}`);
    throw new AppError("METHOD_NOT_ALLOWED", `This path takes ${methods.join(", ")}.`);
  }

  async #fail(request: IncomingMessage, response: ServerResponse, route: Route | undefined, error: AppError, requestId: string): Promise<void> {
    if (error.status >= 500 && !expectedCodes.has(error.code)) {
      const level = error.code === "INTERNAL" ? "error" : "warn";
      this.#logger[level]("request.failed", {
        requestId, code: error.code, message: error.message, route: route?.path, cause: error.cause,
      });
    }
    if (response.headersSent || response.destroyed) return void response.destroy();
    const headers: Record<string, string> = { "Content-Type": "application/json", "X-Request-Id": requestId, "X-Error-Code": error.code };
    if (error.retryAfterSeconds !== undefined) headers["Retry-After"] = String(Math.ceil(error.retryAfterSeconds));
    // Clients that are made by Stainless (OpenAI, Anthropic, newer ones of LangSmith) ask again after every status from 500 on.
    if (error.status === 501) headers["X-Should-Retry"] = "false";
    if (error.status === 401) headers["WWW-Authenticate"] = challengeOf(request, error.code);
    if (error.code === "METHOD_NOT_ALLOWED") headers.Allow = error.message.replace(/^This path takes |\.$/g, "");
    const errorBody = route === undefined ? this.#table.errorBodyOf(request.url ?? "") : route.errorBody;
    const body = errorBody?.(error, requestId, request.headers) ?? {
      error: { code: error.code, message: error.message, hint: error.hint, requestId, problems: error.problems },
    };
    const answer = body instanceof HttpAnswer ? new HttpAnswer(body.status, { ...headers, ...body.headers }, body.body) : new HttpAnswer(error.status, headers, JSON.stringify(body));
    const isLeaving = this.#leaving.has(request) || error.code === "CONNECTIONS_TAKEN" || (route === undefined && error.code === "INVALID_REQUEST");
    if (!request.complete && !isLeaving) discardRest(request);
    await writeAnswer(request, response, answer, this.#draining || isLeaving);
    if (isLeaving) request.socket.destroySoon();
  }
}
