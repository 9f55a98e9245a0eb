/**
 * sharp, with no more threads than the CPU quota of a container pays for.
 *
 * libvips starts as many threads for a picture as there are cores, except where sharp lets it have one alone (glibc's allocator, unless
 * `MALLOC_ARENA_MAX` is set). Only that default is lowered: what a program that uses sharp itself has chosen stands.
 */
import { availableParallelism } from "node:os";
import sharp from "sharp";
import { usableCores } from "../machine/usable-cores.js";

if (sharp.concurrency() === availableParallelism()) sharp.concurrency(usableCores());

export default sharp;
