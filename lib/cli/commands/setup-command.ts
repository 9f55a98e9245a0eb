/** The command `setup`: LibTorch is found or fetched and the addon loaded on it, or only the plan shown. */
import { type Command, Option } from "commander";
import { formatBytes } from "../../fetch/format-bytes.js";
import { downloadArguments } from "../../fetch/pip-source.js";
import {
  findDriver,
  findLibTorch,
  type LibTorchVariant,
  planSetup,
  setupLibTorch,
  type SetupPlan,
} from "../../libtorch/libtorch.js";
import { loadAddon, locateAddon } from "../../native/load.js";
import { findOrFetchOpenSlide, type FoundOpenSlide } from "../../openslide/find-openslide.js";
import {
  openSlideFolder,
  openSlideLicence,
  openSlideSetupCommand,
  openSlideWheel,
} from "../../openslide/pinned-openslide.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { talk, writeResult } from "../terminal.js";

interface SetupCommandOptions extends TalkOptions {
  readonly cpu?: boolean;
  readonly cuda?: boolean;
  readonly openslide?: boolean;
  readonly from?: readonly string[];
  readonly offline?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

/** What would be fetched, and how to fetch it on another machine. */
function describePlan({ summary, wheels, command }: SetupPlan): string {
  const groups = wheels.map((torch) => {
    const all = [torch, ...torch.companions];
    const fetching = [...command, ...all.map(({ requirement }) => requirement)].join(" ");
    return [fetching, ...all.map(({ sha256, fileName }) => `${sha256}  ${fileName}`)].join("\n");
  });
  const then = "Each of these lists will do. Then: npx wsss-tissue setup --from FOLDER";
  return [summary, ...groups, then].join("\n\n");
}

/** What would be fetched of OpenSlide, and how to fetch it on another machine. */
function describeOpenSlidePlan(): string {
  const { requirement, fileName, sha256, sizeBytes } = openSlideWheel;
  const summary = `OpenSlide: ${formatBytes(sizeBytes)} to fetch for ${openSlideFolder()}; licence: ${openSlideLicence}`;
  const fetching = ["python3", "-m", ...downloadArguments, requirement].join(" ");
  return [summary, `${fetching}\n${sha256}  ${fileName}`, `Then: ${openSlideSetupCommand} --from FOLDER`].join("\n\n");
}

function describeReader(reader: FoundOpenSlide | null): string {
  return reader === null ? "" : `\nOpenSlide ${reader.version} in ${reader.library} is ready`;
}

/** That later commands take another LibTorch than was set up, and how to change that; empty if they take this one. */
async function noteOnUse(folder: string): Promise<string> {
  const { found } = await findLibTorch();
  if (found === null || found.folder === folder) return "";
  return `\nUnless LIBTORCH=${folder} is set, commands use ${found.folder}, which fits the driver that runs here`;
}

/** `wsss-tissue setup`: gets LibTorch and the addon ready. */
export function addSetupCommand(program: Command, streams: Streams): void {
  const command = program
    .command("setup")
    .summary("find or fetch LibTorch, and OpenSlide")
    .description(
      "Finds LibTorch (LIBTORCH, the cache, an installed Python torch), or fetches it into the cache by pip, each file checked\n" +
        "against its pinned SHA-256, and loads the addon on it. Every command does so when it must; setup does it now.\n" +
        "Unless told, it takes what is there, else the build for the NVIDIA driver that runs here: CUDA from driver 580 on.",
    )
    .addOption(
      new Option(
        "--cpu",
        "the LibTorch that computes on the CPU (default: what is there, else the one for the GPU driver)",
      ).conflicts("cuda"),
    )
    .addOption(new Option("--cuda", "the LibTorch for NVIDIA GPUs (CUDA 13.0)"))
    .addOption(
      new Option(
        "--openslide",
        `OpenSlide too, which reads whole slides (2.8 MB, ${openSlideLicence}): from \`WSSS_OPENSLIDE\`, the cache, the system, or fetched`,
      ),
    )
    .option(
      "--from <file...>",
      "wheels, folders that hold them, or LibTorch's own `.zip` (alone), instead of fetching (default: fetched by pip)",
    )
    .option("--offline", "fetch nothing, only say whether what is there will do (default: as `WSSS_OFFLINE` says)")
    .option("--dry-run", "say what would be fetched, and how to fetch it on another machine")
    .option(
      "--force",
      "fetch into the cache although a usable LibTorch (with `--openslide` OpenSlide) is there, taking nothing over",
    );
  addTalkOptions(command);
  command.action(async (options: SetupCommandOptions) => {
    await act(streams, options, async ({ terminal, signal }) => {
      const { cpu = false, cuda = false, from = [], offline, force = false } = options;
      const variant: LibTorchVariant | null = cpu ? "cpu" : cuda ? "cu130" : null;
      const openslide = options.openslide === true;
      if (options.dryRun === true && openslide) {
        const plan = { wheels: [openSlideWheel], target: openSlideFolder(), command: downloadArguments };
        writeResult(terminal, plan, describeOpenSlidePlan);
        return;
      }
      if (options.dryRun === true) {
        const plan = planSetup(variant ?? (await findDriver()).variant, false);
        writeResult(terminal, plan, () => describePlan(plan));
        return;
      }
      await locateAddon();
      const onProgress = ({ message }: { readonly message: string }): void => talk(terminal, message);
      const aloud = process.stderr.isTTY && !terminal.quiet;
      const offlineIfSaid = offline === undefined ? {} : { offline };
      const asked = { variant, from, force: force && !openslide, aloud, signal, onProgress, ...offlineIfSaid };
      const libtorch = await setupLibTorch(asked);
      const { folder } = libtorch;
      const addon = await loadAddon(libtorch);
      const { libtorchVersion, cuda: devices } = addon.deviceReport();
      const say = (message: string): void => talk(terminal, message);
      const reader = openslide
        ? await findOrFetchOpenSlide(addon, { onProgress: say, from, force, aloud, signal, ...offlineIfSaid })
        : null;
      const note = await noteOnUse(folder);
      const gpus =
        devices.deviceCount > 0 ? `${String(devices.deviceCount)} CUDA devices` : `no CUDA: ${devices.reason}`;
      writeResult(
        terminal,
        { folder, libtorch: libtorchVersion, cudaDevices: devices.deviceCount, ...(reader && { openslide: reader }) },
        () => `LibTorch ${libtorchVersion} in ${folder} is ready (${gpus})${note}${describeReader(reader)}`,
      );
    });
  });
}
