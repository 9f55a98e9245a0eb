/** A server for one person's browser on this machine: it listens on 127.0.0.1 only, and trusts nobody. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isWsssError, WsssError } from "../errors.js";
import { systemCode } from "../files/file-access.js";
import { readJsonBody } from "./json-body.js";
import { Session } from "./session.js";

/** What a route answers. */
export interface Reply {
  /** @defaultValue `200` */
  readonly status?: number;
  /** Media type. */
  readonly type: string;
  readonly body: string | Uint8Array;
}

/** What a route is asked. */
export interface Asked {
  /** Groups of the route's path. */
  readonly groups: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** What a POST has brought, as JSON; null for GET. Nothing of it has been checked. */
  readonly body: unknown;
  /** What the page has to send with everything that it writes, in the header {@link writeHeader}. */
  readonly writeToken: string;
  /** Aborted when whoever asked has gone. */
  readonly signal: AbortSignal;
}

/** One address that is answered. */
export interface Route {
  /** Matched against the whole path. */
  readonly path: RegExp;
  /** POST changes something, and has a body of JSON. @defaultValue `"GET"` */
  readonly method?: "GET" | "POST";
  /** @throws WsssError `WSSS_ERR_SHAPE` for what is not there; other errors are told to the program, not to the browser */
  readonly answer: (asked: Asked) => Promise<Reply>;
}

/** A server that runs. */
export interface LoopbackServer {
  /** Address to open once: it holds the token that makes a browser's session. */
  readonly url: string;
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** Options of {@link startLoopbackServer}. */
export interface LoopbackOptions {
  /** 0 = any that is free. */
  readonly port: number;
  readonly routes: readonly Route[];
  /** Told of an answer that failed and should not have. */
  readonly onFault?: (error: unknown) => void;
}

/** Header of requests that change something. */
export const writeHeader = "x-wsss-token";

/** A browser opens six connections; a person has a few tabs. */
const mostConnections = 64;
/** Of HTTP. */
const usualPort = 80;
const headersMs = 10_000;
const requestMs = 30_000;
/** A connection on which nothing moves for so long is ended: of a reader that does not read. */
const idleMs = 60_000;

/** Pages may load what this server gives them, and nothing else; nobody may frame them. */
const policy = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** On every answer, refusals too. */
const headers = {
  "Content-Security-Policy": policy,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  // Tissue is not to lie about in a browser's cache.
  "Cache-Control": "no-store",
} as const;

/**
 * Starts a server on 127.0.0.1.
 *
 * - `Host` must be this server's own: a name that somebody else has pointed here (DNS rebinding) is refused.
 * - An `Origin` must be this server's own, too; there is no CORS.
 * - Without a session nothing is answered. The token in {@link LoopbackServer.url} makes one, once.
 * - GET and HEAD have no body. POST must come from this server's own page, say so by its `Origin`, bring the token that only that page
 *   knows, and a short body of JSON.
 * - Connections are few and end when nothing moves.
 *
 * @throws WsssError `WSSS_ERR_IO` if the port is taken or may not be had.
 */
export async function startLoopbackServer({ port, routes, onFault }: LoopbackOptions): Promise<LoopbackServer> {
  const session = new Session();
  const server = createServer({ maxHeaderSize: 16_384, headersTimeout: headersMs, requestTimeout: requestMs });
  server.maxConnections = mostConnections;
  server.timeout = idleMs;
  server.on("request", (request, response) => {
    void respond({ server, session, routes, onFault }, request, response);
  });
  await listen(server, port);
  const address = server.address() as AddressInfo;
  session.begin(address.port);
  return {
    url: `http://127.0.0.1:${address.port}/?token=${session.token}`,
    port: address.port,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      const code = systemCode(error) ?? "unknown";
      const why: Readonly<Record<string, string>> = {
        EADDRINUSE: "another program has it; choose another --port, or 0 for any",
        EACCES: "it may not be had; choose one above 1023",
      };
      const message = `cannot listen on 127.0.0.1:${port}: ${why[code] ?? code}`;
      reject(new WsssError("WSSS_ERR_IO", message, { port, reason: code }, { cause: error }));
    });
    server.listen({ host: "127.0.0.1", port }, () => resolve());
  });
}

interface Surroundings {
  readonly server: Server;
  readonly session: Session;
  readonly routes: readonly Route[];
  readonly onFault: ((error: unknown) => void) | undefined;
}

async function respond(
  { server, session, routes, onFault }: Surroundings,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { port } = (server.address() ?? { port: 0 }) as AddressInfo;
  const url = URL.canParse(request.url ?? "", "http://127.0.0.1")
    ? new URL(request.url ?? "", "http://127.0.0.1")
    : null;
  const refused = refusalOf(request, port);
  if (refused !== null || url === null) {
    send(request, response, refused ?? plain(400, "This is no address."));
    request.socket.destroySoon();
    return;
  }
  const token = url.searchParams.get("token");
  // Not HEAD: whoever only looks whether the address is there does not use it up.
  if (url.pathname === "/" && token !== null && request.method === "GET") {
    const cookie = session.admit(token);
    if (cookie === null)
      send(request, response, plain(403, "This address was used already, or is wrong. Start again for a new one."));
    else send(request, response, forwarding, { "Set-Cookie": cookie });
    return;
  }
  if (!session.isHeldBy(request.headers.cookie)) {
    send(request, response, plain(401, "Open the address that the program has printed."));
    return;
  }
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    const wish = await wishOf(session, request);
    send(request, response, "refused" in wish ? wish.refused : await answerOf(routes, url, wish, gone.signal));
    if ("refused" in wish && wish.isOpen) request.socket.destroySoon();
  } catch (error) {
    if (gone.signal.aborted) return;
    const { known, reply } = failureReply(error);
    if (!known) onFault?.(error);
    send(request, response, reply);
  }
}

/** Why a request is not even looked at; null if it may be. */
function refusalOf({ headers: asked, method, httpVersion }: IncomingMessage, port: number): Reply | null {
  // Browsers leave the usual port out.
  const ending = port === usualPort ? "" : `:${port}`;
  const own = [`127.0.0.1${ending}`, `localhost${ending}`];
  if (asked.host === undefined || !own.includes(asked.host.toLowerCase())) {
    return plain(403, `Requests must be for ${own.join(" or ")}.`);
  }
  const origin = asked.origin?.toLowerCase();
  if (origin !== undefined && !own.some((host) => origin === `http://${host}`)) {
    return plain(403, "Requests of other pages are refused.");
  }
  if (method === "POST") {
    // Browsers say of every POST whose page sends it.
    if (origin === undefined) return plain(403, "Requests that write come from the page.");
  } else {
    if (method !== "GET" && method !== "HEAD") return plain(405, "Only GET and POST are answered here.");
    const hasBody = asked["transfer-encoding"] !== undefined || Number(asked["content-length"] ?? 0) > 0;
    if (hasBody) return plain(413, "These requests have no body.");
  }
  return httpVersion.startsWith("1.") ? null : plain(505, "HTTP 1.1 is spoken here.");
}

/** What a request wants, as far as every route needs it. */
interface Wish extends Pick<Asked, "body" | "writeToken"> {
  readonly method: "GET" | "POST";
}

/** What a request of the session wants; or the refusal of one that may not write, `isOpen` if its body is still coming. */
async function wishOf(
  session: Session,
  request: IncomingMessage,
): Promise<Wish | { readonly refused: Reply; readonly isOpen: boolean }> {
  if (request.method !== "POST") return { method: "GET", body: null, writeToken: session.writeToken };
  const header = request.headers[writeHeader];
  if (typeof header !== "string" || !session.mayWrite(header)) {
    return { refused: plain(403, "Requests that write bring the page's token."), isOpen: true };
  }
  const read = await readJsonBody(request);
  if ("value" in read) return { method: "POST", body: read.value, writeToken: session.writeToken };
  return { refused: plain(read.status, read.text), isOpen: read.rest === "left" };
}

async function answerOf(routes: readonly Route[], url: URL, wish: Wish, signal: AbortSignal): Promise<Reply> {
  const { method, body, writeToken } = wish;
  const matching = routes.flatMap((route) => {
    const match = route.path.exec(url.pathname);
    return match?.[0] === url.pathname ? [{ route, groups: match.groups ?? {} }] : [];
  });
  const found = matching.find(({ route }) => (route.method ?? "GET") === method);
  if (found !== undefined) {
    return await found.route.answer({ groups: found.groups, query: url.searchParams, body, writeToken, signal });
  }
  if (matching.length > 0) return plain(405, `Only ${method === "GET" ? "POST" : "GET"} is answered here.`);
  return plain(404, "There is nothing here.");
}

/** Only what our own errors say is told, and of these no path. */
function failureReply(error: unknown): { readonly known: boolean; readonly reply: Reply } {
  if (!isWsssError(error)) return { known: false, reply: plain(500, "This could not be shown; the program says why.") };
  // Nothing is wrong but the address.
  if (error.code === "WSSS_ERR_SHAPE") return { known: true, reply: plain(404, "There is nothing here.") };
  return { known: false, reply: plain(500, `This could not be shown (${error.code}); the program says why.`) };
}

function plain(status: number, text: string): Reply {
  return { status, type: "text/plain; charset=utf-8", body: `${text}\n` };
}

/** A page that goes on by itself: a redirect would carry no cookie if the address was opened from another site's page. */
const forwarding: Reply = {
  type: "text/html; charset=utf-8",
  body:
    '<!doctype html><meta http-equiv="refresh" content="0;url=/"><link rel="icon" href="data:,">' +
    '<title>wsss-tissue</title><a href="/">Go on</a>\n',
};

function send(
  { method }: IncomingMessage,
  response: ServerResponse,
  { status = 200, type, body }: Reply,
  more: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed) return;
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  response.writeHead(status, { ...headers, ...more, "Content-Type": type, "Content-Length": length });
  response.end(method === "HEAD" ? undefined : body);
}
