// The live connection: reads records, acknowledges messages, keeps the server's clock, and comes back by itself.

const CLOCK = 0, STRIP = 1, BEAT = 2, FRAME = 3, STATUS = 4;
const FIRST_RETRY_MS = 300, LONGEST_RETRY_MS = 3000, SILENT_MS = 4000;
const text = new TextDecoder();

export class Connection {
  // `listener` has strip, beat, frame, status and link methods.
  constructor(listener) {
    this.listener = listener;
    this.retryMs = FIRST_RETRY_MS;
    this.offsetMs = null;
    this.lastMessageMs = 0;
    this.open();
    setInterval(() => this.watch(), 1000);
  }

  open() {
    const url = new URL("live", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.lastMessageMs = performance.now();
    this.fresh = true;
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = () => this.closed();
  }

  closed() {
    this.listener.link("lost");
    setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 1.6, LONGEST_RETRY_MS);
  }

  // A connection that gives nothing although the server sends its status twice a second is as good as lost.
  watch() {
    if (document.hidden || performance.now() - this.lastMessageMs < SILENT_MS) return;
    this.listener.link("lost");
    if (this.socket.readyState === WebSocket.OPEN) this.socket.close();
  }

  // The server's monotonic time, ms; null before the first message.
  now() {
    return this.offsetMs === null ? null : performance.now() + this.offsetMs;
  }

  receive(buffer) {
    this.lastMessageMs = performance.now();
    this.retryMs = FIRST_RETRY_MS;
    const view = new DataView(buffer);
    let number = 0;
    for (let at = 0; at + 8 <= buffer.byteLength;) {
      const kind = view.getUint8(at), stream = view.getUint16(at + 2, true), length = view.getUint32(at + 4, true);
      const body = at + 8;
      if (kind === CLOCK) number = this.clock(view, body);
      else if (kind === STRIP) this.strip(view, buffer, body, length, stream, number);
      else if (kind === BEAT) {
        this.listener.beat(stream, view.getFloat64(body, true), String.fromCharCode(view.getUint8(body + 8)));
      } else if (kind === FRAME) {
        const size = view.getUint32(body, true);
        const about = JSON.parse(text.decode(new Uint8Array(buffer, body + 4, size)));
        this.listener.frame(stream, about, new Uint8Array(buffer, body + 4 + size, length - 4 - size));
      } else if (kind === STATUS) {
        this.listener.status(JSON.parse(text.decode(new Uint8Array(buffer, body, length))));
      }
      at = body + length + ((8 - (length % 8)) % 8);
    }
    this.listener.link("live");
    const acknowledgement = new DataView(new ArrayBuffer(4));
    acknowledgement.setUint32(0, number, true);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(acknowledgement);
  }

  // The message that was least delayed tells the offset best; it may drift by 0.1 ms a message.
  clock(view, body) {
    const offset = view.getFloat64(body, true) - performance.now();
    this.offsetMs = this.fresh || this.offsetMs === null ? offset : Math.max(offset, this.offsetMs - 0.1);
    this.fresh = false;
    return view.getUint32(body + 8, true);
  }

  strip(view, buffer, body, length, stream, number) {
    this.listener.strip(stream, {
      first: view.getFloat64(body, true),
      endMs: view.getFloat64(body + 8, true),
      rateHz: view.getFloat32(body + 16, true),
      lead: view.getUint8(body + 20),
      samplesUv: new Int16Array(buffer, body + 24, (length - 24) / 2),
      message: number,
    });
  }
}
