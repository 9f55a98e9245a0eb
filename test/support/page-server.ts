// Asking a page's server as a browser does, and as a browser would not.
import { request as ask } from "node:http";
import { expect } from "@jest/globals";
import type { LoopbackServer } from "../../dist/server/loopback-server.js";

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Asks as anybody could: `fetch` would not let a test send another Host. */
export async function askServer(
  { port }: Pick<LoopbackServer, "port">,
  address: string,
  headers: Record<string, string> = {},
  method = "GET",
  body?: string,
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const request = ask({ host: "127.0.0.1", port, path: address, method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** The token in a server's address, as it stands there. */
export const tokenOf = ({ url }: Pick<LoopbackServer, "url">): string => new URL(url).search;

/** The cookie of a server's one visitor. */
export async function enterServer(server: Pick<LoopbackServer, "port" | "url">): Promise<Record<string, string>> {
  const { status, headers } = await askServer(server, `/${tokenOf(server)}`);
  expect(status).toBe(200);
  const [cookie = ""] = headers["set-cookie"] ?? [];
  expect(cookie).toMatch(/^wsss-tissue-\d+=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
  return { cookie: cookie.split(";")[0] ?? "" };
}

/** What a browser whose page is this server's brings when it writes. */
export async function writerOf(
  server: Pick<LoopbackServer, "port" | "url">,
  visitor: Record<string, string>,
): Promise<Record<string, string>> {
  const { body } = await askServer(server, "/facts", visitor);
  const { writeToken } = JSON.parse(body.toString()) as { writeToken: string };
  const origin = `http://127.0.0.1:${server.port}`;
  return { ...visitor, origin, "content-type": "application/json", "x-wsss-token": writeToken };
}
