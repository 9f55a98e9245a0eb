/** Event files that TensorBoard reads: scalars, texts and pictures of a training, appended while it goes. */
import { closeSync, openSync, readdirSync, unlinkSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { makeFolder, writingFailure } from "../files/make-folder.js";
import { maskedCrc32c } from "./crc32c.js";
import { bytesField, doubleField, floatField, integerField } from "./protobuf.js";

/** Field numbers of TensorFlow's event.proto and summary.proto. */
const eventFields = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const valueFields = { tag: 1, simpleValue: 2, image: 4, tensor: 8, metadata: 9 } as const;
const imageFields = { height: 1, width: 2, colourSpace: 3, encoded: 4 } as const;
const rgb = 3;
const [summaryValue, sessionStatus, sessionStart, stringType] = [1, 1, 1, 7] as const;

/** A text as a tensor of one string, which the plugin "text" shows as Markdown. */
function textValue(text: string): Buffer[] {
  const shape = bytesField(2, bytesField(2, integerField(1, 1)));
  const tensor = Buffer.concat([integerField(1, stringType), shape, bytesField(8, text)]);
  return [
    bytesField(valueFields.tensor, tensor),
    bytesField(valueFields.metadata, bytesField(1, bytesField(1, "text"))),
  ];
}

/** One record of a file: its length and its bytes, each with a checksum. */
function recordOf(message: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(message.length));
  head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(maskedCrc32c(message));
  return Buffer.concat([head, message, tail]);
}

const isEventFile = (name: string): boolean => name.startsWith("events.out.tfevents.");

/** The event files of a folder, the oldest first; none if there is no such folder. */
function eventFilesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter(isEventFile).sort();
  } catch {
    return [];
  }
}

/**
 * A file that grows by one record an event. Every record reaches the operating system before the call returns. Files are only
 * appended to: a training that resumes begins another one, which says from which step on the earlier ones no longer count.
 */
export class EventFile {
  readonly #path: string;
  readonly #nowMs: () => number;
  #descriptor: number | undefined;

  #earlier: readonly string[];

  private constructor(file: string, earlier: readonly string[], descriptor: number, nowMs: () => number) {
    this.#path = file;
    this.#earlier = earlier;
    this.#descriptor = descriptor;
    this.#nowMs = nowMs;
  }

  /**
   * Begins a file behind those that are there.
   * @param folder - made if need be; TensorBoard takes each folder for a run.
   * @param nowMs - the clock, for tests.
   * @throws WsssError `WSSS_ERR_IO`
   */
  static async create(folder: string, nowMs: () => number = Date.now): Promise<EventFile> {
    await makeFolder(folder);
    // TensorBoard reads the files of a folder in the order of their names, which begin with seconds.
    const earlier = eventFilesIn(folder);
    const last = Number(/tfevents\.(\d+)\./.exec(earlier.at(-1) ?? "")?.[1] ?? 0);
    const seconds = String(Math.max(Math.floor(nowMs() / 1000), last + 1)).padStart(10, "0");
    const file = path.join(folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}`);
    try {
      const created = new EventFile(
        file,
        earlier.map((name) => path.join(folder, name)),
        openSync(file, "wx"),
        nowMs,
      );
      created.#append(0, bytesField(eventFields.fileVersion, "brain.Event:2"));
      return created;
    } catch (error) {
      throw writingFailure(error, "write", file);
    }
  }

  /** How many files of before lie in the folder. */
  get earlier(): number {
    return this.#earlier.length;
  }

  /** Removes the files of before: those of a training that begins anew. @throws WsssError `WSSS_ERR_IO` */
  removeEarlier(): void {
    for (const file of this.#earlier) {
      try {
        unlinkSync(file);
      } catch (error) {
        throw writingFailure(error, "write", file);
      }
    }
    this.#earlier = [];
  }

  /** Says that what earlier files have from this step on does not count. */
  restartAt(step: number): void {
    this.#append(step, bytesField(eventFields.sessionLog, integerField(sessionStatus, sessionStart)));
  }

  /** Numbers of one step, by tag; those that are undefined or null are left out. */
  scalars(step: number, values: Readonly<Record<string, number | null | undefined>>): void {
    const given = Object.entries(values).filter((pair): pair is [string, number] => typeof pair[1] === "number");
    if (given.length > 0)
      this.#summary(
        step,
        given.map(([name, value]) => [name, floatField(valueFields.simpleValue, value)]),
      );
  }

  /** A text in Markdown. */
  text(step: number, name: string, markdown: string): void {
    this.#summary(step, [[name, ...textValue(markdown)]]);
  }

  /** A picture: a PNG file in RGB. */
  picture(step: number, name: string, png: Buffer): void {
    // A PNG file has its size behind its signature and the head of its first chunk.
    const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
    const image = Buffer.concat([
      integerField(imageFields.height, height),
      integerField(imageFields.width, width),
      integerField(imageFields.colourSpace, rgb),
      bytesField(imageFields.encoded, png),
    ]);
    this.#summary(step, [[name, bytesField(valueFields.image, image)]]);
  }

  /** Closes the file; later calls do nothing. */
  close(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #summary(step: number, values: readonly (readonly [name: string, ...parts: Buffer[]])[]): void {
    const messages = values.map(([name, ...parts]) =>
      bytesField(summaryValue, Buffer.concat([bytesField(valueFields.tag, name), ...parts])),
    );
    this.#append(step, bytesField(eventFields.summary, Buffer.concat(messages)));
  }

  #append(step: number, content: Buffer): void {
    if (this.#descriptor === undefined) return;
    const time = doubleField(eventFields.wallTime, this.#nowMs() / 1000);
    const record = recordOf(Buffer.concat([time, integerField(eventFields.step, step), content]));
    try {
      for (let written = 0; written < record.length;) written += writeSync(this.#descriptor, record, written);
    } catch (error) {
      throw writingFailure(error, "write", this.#path);
    }
  }
}
