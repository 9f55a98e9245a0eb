/** Routes below an address: the page of one thing of many, each with the addresses that it has when it is alone. */
import { WsssError } from "../errors.js";
import type { Asked, Reply, Route } from "./loopback-server.js";

/**
 * A route for everything below an address.
 * @param path - with a group `rest`, which begins with `/`.
 * @param routesOf - the routes of what the other groups name; only those of GET are asked.
 */
export function routesBelow(path: RegExp, routesOf: (asked: Asked) => Promise<readonly Route[]>): Route {
  return { path, answer: async (asked) => await answerBelow(await routesOf(asked), asked) };
}

async function answerBelow(routes: readonly Route[], asked: Asked): Promise<Reply> {
  const rest = asked.groups["rest"] ?? "";
  for (const { path, method, answer } of routes) {
    const match = method === "POST" ? null : path.exec(rest);
    if (match?.[0] === rest && rest !== "") return await answer({ ...asked, groups: match.groups ?? {} });
  }
  throw new WsssError("WSSS_ERR_SHAPE", "there is nothing here");
}
