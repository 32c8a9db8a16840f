// Reads the binary records of docs/dashboard.md: from the live connection, and from the recording over HTTP.

const CLOCK = 0, STRIP = 1, BEAT = 2, FRAME = 3, STATUS = 4, LEADS = 5, PIECE = 6;
const text = new TextDecoder();

// Call the method of `listener` that is named like the kind of each record: clock, strip, beat, frame, status, leads,
// piece. Kinds that it has no method for are passed over.
export function read(buffer, listener) {
  const view = new DataView(buffer);
  for (let at = 0; at + 8 <= buffer.byteLength;) {
    const kind = view.getUint8(at), stream = view.getUint16(at + 2, true), length = view.getUint32(at + 4, true);
    READERS[kind]?.(listener, stream, view, at + 8, length);
    at += 8 + length + ((8 - (length % 8)) % 8);
  }
}

const READERS = {
  [CLOCK](listener, _, view, at) {
    listener.clock?.(view.getFloat64(at, true), view.getUint32(at + 8, true), view.getFloat32(at + 12, true));
  },
  [STRIP](listener, stream, view, at, length) {
    listener.strip?.(stream, samples(view, at, length));
  },
  [LEADS](listener, stream, view, at, length) {
    listener.leads?.(stream, samples(view, at, length));
  },
  [BEAT](listener, stream, view, at) {
    listener.beat?.(stream, view.getFloat64(at, true), String.fromCharCode(view.getUint8(at + 8)));
  },
  [FRAME](listener, stream, view, at, length) {
    const [about, rest] = headed(view, at, length);
    listener.frame?.(stream, about, rest);
  },
  [STATUS](listener, _, view, at, length) {
    listener.status?.(JSON.parse(text.decode(new Uint8Array(view.buffer, at, length))));
  },
  [PIECE](listener, stream, view, at, length) {
    const [about, rest] = headed(view, at, length);
    listener.piece?.(stream, { ...about, samplesUv: new Int16Array(rest.slice().buffer) });
  },
};

// Samples of `leads` leads from number `lead` on, one after the other in time.
function samples(view, at, length) {
  return {
    first: view.getFloat64(at, true), endMs: view.getFloat64(at + 8, true), rateHz: view.getFloat32(at + 16, true),
    lead: view.getUint8(at + 20), leads: view.getUint8(at + 21),
    samplesUv: new Int16Array(view.buffer, at + 24, (length - 24) / 2),
  };
}

// A body that begins with a JSON text: what it says, and the bytes after it.
function headed(view, at, length) {
  const size = view.getUint32(at, true);
  const about = JSON.parse(text.decode(new Uint8Array(view.buffer, at + 4, size)));
  return [about, new Uint8Array(view.buffer, at + 4 + size, length - 4 - size)];
}
