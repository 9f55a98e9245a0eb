/** Who may ask a server: the browser that came with the token first. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** One session: a token that is good for one visit, and the cookie that the visitor gets. */
export class Session {
  readonly #secret = randomBytes(32).toString("base64url");
  #cookieName = "";
  #isTaken = false;

  /** What requests that change something bring in a header, which no other page can send. */
  readonly writeToken = randomBytes(32).toString("base64url");
  /** What the first visitor brings in the address. */
  readonly token = randomBytes(32).toString("base64url");

  /** Cookies know no ports: the name tells two servers apart. */
  begin(port: number): void {
    this.#cookieName = `wsss-tissue-${port}`;
  }

  /** The cookie for whoever brings the token first; null for everyone else. */
  admit(token: string): string | null {
    if (this.#isTaken || !isSame(token, this.token)) return null;
    this.#isTaken = true;
    return `${this.#cookieName}=${this.#secret}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /** Whether a request may change something, by its header. */
  mayWrite(token: string | undefined): boolean {
    return isSame(token ?? "", this.writeToken);
  }

  /** Whether a request brings that cookie. */
  isHeldBy(cookies: string | undefined): boolean {
    const pairs = (cookies ?? "").split(";").map((pair) => pair.trim());
    return pairs.some((pair) => {
      const at = pair.indexOf("=");
      return pair.slice(0, at) === this.#cookieName && isSame(pair.slice(at + 1), this.#secret);
    });
  }
}

/** Compares without telling by its duration how much was right. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
