// The processes that --processes starts: one that does not get as far as the group is told of at once.
import { expect, test } from "@jest/globals";
import { Followers } from "../dist/cli/followers.js";

test("one that ends before it has joined is named, with its code", async () => {
  const followers = new Followers(3, ["--no-such-option"]);
  const lost = new Promise((resolve) => followers.lost.addEventListener("abort", resolve));
  followers.start(1);
  await lost;
  await followers.end(false, 60_000);
  expect(followers.lost.reason).toMatchObject({ code: "WSSS_ERR_PROCESS_GROUP" });
  expect(String(followers.lost.reason)).toMatch(/process [12] of 3 ended with code 2 before it had joined/u);
}, 60_000);

test("one that fails after it has joined may tell the others itself; one that has not is lost", async () => {
  const followers = new Followers(2, ["--no-such-option"]);
  const lost = new Promise((resolve) => followers.lost.addEventListener("abort", resolve));
  followers.start(1);
  followers.haveJoined();
  await lost;
  expect(String(followers.lost.reason)).toMatch(/process 1 of 2 ended with code 2; what it says stands above\./u);
  await followers.end(false, 60_000);
}, 60_000);

test("when the work is over none is lost any more, and those that have not joined are not waited for", async () => {
  const followers = new Followers(3, []);
  // Nobody listens there: they would try for a minute.
  followers.start(1);
  await followers.end(false, 600_000);
  expect(followers.lost.aborted).toBe(false);
}, 60_000);
