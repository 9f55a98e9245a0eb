// The processes that --processes starts: one that does not get as far as the group is told of at once.
import { expect, test } from "@jest/globals";
import { Followers } from "../dist/cli/followers.js";

test("one that ends before it has joined is named, with its code", async () => {
  const followers = new Followers(3, ["--no-such-option"]);
  const lost = new Promise((resolve) => followers.lost.addEventListener("abort", resolve));
  followers.start(1);
  await lost;
  await followers.ended();
  expect(followers.lost.reason).toMatchObject({ code: "WSSS_ERR_PROCESS_GROUP" });
  expect(String(followers.lost.reason)).toMatch(/process [12] of 3 ended with code 2 before it had joined/u);
}, 60_000);

test("one that is told to end, or fails after it has joined, is not taken for lost", async () => {
  const followers = new Followers(2, ["--no-such-option"]);
  followers.start(1);
  followers.haveJoined();
  await followers.ended();
  expect(followers.lost.aborted).toBe(false);
}, 60_000);
