// The live connection: acknowledges messages, keeps the server's clock, and comes back by itself.

import { read } from "./records.js";

const AT_ONCE = 4; // messages that are acknowledged together where nothing is watched
const FIRST_RETRY_MS = 300, LONGEST_RETRY_MS = 3000, QUIET_MS = 1700, SILENT_MS = 4000;

export class Connection {
  // `listener` has a method for each kind of record and `link`; `watched` gives the numbers of the streams of which
  // everything is wanted: all leads, or the pictures.
  constructor(listener, watched) {
    this.listener = listener;
    this.watched = watched;
    this.retryMs = FIRST_RETRY_MS;
    this.offsetMs = null;
    this.halfTripMs = 0;
    this.lastMessageMs = 0;
    this.reader = Object.assign(Object.create(listener), { clock: (...values) => this.clock(...values) });
    this.open();
    setInterval(() => this.watch(), 200);
  }

  open() {
    const url = new URL("live", location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.hash = "";
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.lastMessageMs = performance.now();
    this.fresh = true;
    this.acknowledged = 0;
    this.wanted = "";
    this.socket.onmessage = (event) => this.receive(event.data);
    this.socket.onclose = () => this.closed();
  }

  closed() {
    this.listener.link("lost");
    setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(this.retryMs * 1.6, LONGEST_RETRY_MS);
  }

  // A connection that gives nothing although the server sends its status twice a second is as good as lost; one that
  // stays so is made anew.
  watch() {
    const quietMs = performance.now() - this.lastMessageMs;
    if (document.hidden || quietMs < QUIET_MS) return;
    this.listener.link("lost");
    if (quietMs > SILENT_MS && this.socket.readyState === WebSocket.OPEN) this.socket.close();
  }

  // The server's monotonic time, ms; null before the first message.
  now() {
    return this.offsetMs === null ? null : performance.now() + this.offsetMs + this.halfTripMs;
  }

  receive(buffer) {
    this.lastMessageMs = performance.now();
    this.retryMs = FIRST_RETRY_MS;
    read(buffer, this.reader);
    this.listener.link("live");
    this.acknowledge();
  }

  // The number of the message that was taken, and what is watched: with every message while something is, else with
  // every fourth, for an answer costs the server as much as a message.
  acknowledge() {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const watched = this.watched(), wanted = watched.join();
    if (!wanted && wanted === this.wanted && this.number < this.acknowledged + AT_ONCE) return;
    this.wanted = wanted;
    this.acknowledged = this.number;
    const answer = new DataView(new ArrayBuffer(4 + 2 * watched.length));
    answer.setUint32(0, this.number, true);
    watched.forEach((stream, n) => answer.setUint16(4 + 2 * n, stream, true));
    this.socket.send(answer);
  }

  // The message that was least delayed tells the offset best; it may drift by 0.1 ms a message. A message takes about
  // half of the shortest round trip that the server has seen.
  clock(serverMs, number, roundTripMs) {
    const offset = serverMs - this.lastMessageMs;
    this.offsetMs = this.fresh || this.offsetMs === null ? offset : Math.max(offset, this.offsetMs - 0.1);
    this.halfTripMs = roundTripMs / 2;
    this.fresh = false;
    this.number = number;
  }
}
