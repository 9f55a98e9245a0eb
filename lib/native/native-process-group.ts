/** Processes that train together, as the addon joins them. */
import type { Done, NativeJob, OnEvent } from "./native-contract.js";

/** How a process finds the others. */
export interface NativeProcessGroupOptions {
  readonly rank: number;
  readonly size: number;
  /** Of the store through which the processes find each other. */
  readonly address: string;
  /** Of the store; 0 lets the process that keeps it choose a free one. */
  readonly port: number;
  /** Whether this process keeps the store. */
  readonly keepsStore: boolean;
  /** Of the keys in the store: a restart has one of its own. */
  readonly prefix: string;
  /** How long one process waits for another. */
  readonly timeoutMs: number;
}

export interface NativeProcessGroup {
  /** Waits for the others. The event is the port of the store, if this process keeps it. */
  join(options: NativeProcessGroupOptions, onEvent: OnEvent<number>, done: Done<null>): NativeJob;
  /** Leaves a text where every process finds it under its name. */
  announce(options: { name: string; text: string }, done: Done<null>): NativeJob;
  /** Waits for such a text, however long it takes. */
  awaitAnnouncement(options: { name: string }, done: Done<string>): NativeJob;
  /** A number that no process was given before under this name: 0, 1, 2, ..., in the order of the calls. */
  claim(options: { name: string }, done: Done<number>): NativeJob;
  leave(options: { why: string }, done: Done<null>): NativeJob;
}
