/** Thread that makes the report of a run while the run goes on, so that nothing waits for it. */
import { parentPort } from "node:worker_threads";
import { runPage } from "./run-page.js";

/** What the thread answers to the path of a run folder: the page in UTF-8, or why there is none. */
export type ReportAnswer = { readonly page: Uint8Array<ArrayBuffer> } | { readonly problem: string };

async function answer(folder: string): Promise<void> {
  try {
    const page = new TextEncoder().encode((await runPage(folder)).text);
    parentPort?.postMessage({ page } satisfies ReportAnswer, [page.buffer]);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ problem } satisfies ReportAnswer);
  }
}

parentPort?.on("message", (folder: string) => void answer(folder));
