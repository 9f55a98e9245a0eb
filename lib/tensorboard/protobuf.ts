/** The few bytes of protocol buffers that TensorBoard's messages are made of. */

/** A number of any length, seven bits a byte. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

const wire = { varint: 0, double: 1, bytes: 2, float: 5 } as const;

function tag(field: number, type: number): Buffer {
  return varint((field << 3) | type);
}

/** A non-negative integer. */
export function integerField(field: number, value: number): Buffer {
  return Buffer.concat([tag(field, wire.varint), varint(value)]);
}

/** A double. */
export function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([tag(field, wire.double), bytes]);
}

/** A float. */
export function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([tag(field, wire.float), bytes]);
}

/** Bytes, a text, or a message inside another. */
export function bytesField(field: number, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([tag(field, wire.bytes), varint(bytes.length), bytes]);
}
