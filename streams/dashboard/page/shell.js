// What every view is given: the run as it was last told, the signals of its beds, and the server's time.

import { Connection } from "./connection.js";
import { Signal } from "./signal.js";

export class Shell {
  // `onStatus` is called with each status document, `onLink` with "live" or "lost", `view` gives the open view.
  constructor({ view, onStatus, onLink }) {
    this.streams = [];
    this.status = null;
    this.signals = []; // the shown lead of each bed, by the number of its stream
    this.connected = false;
    const pass = (kind) => (stream, ...rest) => view()?.[kind]?.(stream, ...rest);
    this.connection = new Connection({
      strip: (stream, record) => this.signal(stream).push(record, this.now(), this.message()),
      beat: (stream, sample, label) => {
        this.signal(stream).beat(sample, label);
        view()?.beat?.(stream, sample, label);
      },
      leads: pass("leads"),
      frame: pass("frame"),
      status: (status) => {
        this.status = status;
        this.streams = status.streams;
        onStatus(status);
      },
      link: (state) => {
        this.connected = state === "live";
        onLink(state);
      },
    }, () => view()?.watched?.() ?? []);
  }

  // The server's monotonic time in ms, null before the first message; times in records are on this clock.
  now() {
    return this.connection.now();
  }

  // Number of the message that is being read.
  message() {
    return this.connection.number;
  }

  signal(stream) {
    return (this.signals[stream] ??= new Signal());
  }

  // Number of a stream by its id, -1 where there is none.
  number(id) {
    return this.streams.findIndex((stream) => stream.id === id);
  }

  // Alarms of a stream, the most urgent first.
  alarms(id) {
    return this.status ? this.status.alarms.filter((alarm) => alarm.stream === id) : [];
  }

  // Which signals of alarms of a stream are not given.
  inactive(id) {
    return this.status ? this.status.inactive.filter((one) => one.stream === id) : [];
  }
}
