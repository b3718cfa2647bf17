// Both ends of a call's audio, in the browser's audio thread. The call's rate is 16 kHz; where the browser runs at
// another one, samples are averaged on the way in and interpolated on the way out.
const CALL_RATE = 16000;
const FRAME_SAMPLES = 320; // 20 ms
const REPORT_SECONDS = 0.1;

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = sampleRate / CALL_RATE;
    this.sum = 0;
    this.weight = 0;
    this.frame = new Int16Array(FRAME_SAMPLES);
    this.filled = 0;
    this.peak = 0;
  }

  process(inputs) {
    // Without a source there is silence to be sent all the same: a line that says nothing at all is taken for dead.
    const samples = inputs[0][0] || new Float32Array(128);
    for (const sample of samples) this.take(sample);
    return true;
  }

  take(sample) {
    let left = 1;
    while (this.weight + left >= this.step) {
      const part = this.step - this.weight;
      this.put((this.sum + sample * part) / this.step);
      left -= part;
      this.sum = 0;
      this.weight = 0;
    }
    this.sum += sample * left;
    this.weight += left;
  }

  put(sample) {
    const bounded = Math.max(-1, Math.min(1, sample));
    this.peak = Math.max(this.peak, Math.abs(bounded));
    this.frame[this.filled++] = Math.round(bounded * 32767);
    if (this.filled < FRAME_SAMPLES) return;
    this.port.postMessage({ pcm: this.frame.buffer, peak: this.peak }, [this.frame.buffer]);
    this.frame = new Int16Array(FRAME_SAMPLES);
    this.filled = 0;
    this.peak = 0;
  }
}

class Speaker extends AudioWorkletProcessor {
  constructor() {
    super();
    this.step = CALL_RATE / sampleRate;
    this.phase = 0;
    this.before = 0;
    this.now = 0;
    this.pieces = [];
    this.read = 0; // within the first piece
    this.taken = 0;
    this.played = 0;
    this.marks = [];
    this.peak = 0;
    this.reportAt = 0;
    this.port.onmessage = (message) => this.hear(message.data);
  }

  hear(message) {
    if (message.pcm) {
      this.pieces.push(new Int16Array(message.pcm));
      this.taken += message.pcm.byteLength / 2;
    } else if (message.mark !== undefined) {
      this.marks.push({ at: this.taken, name: message.mark });
    } else if (message.clear) {
      this.pieces = [];
      this.read = 0;
      this.played = this.taken;
    }
  }

  process(_inputs, outputs) {
    const output = outputs[0][0];
    for (let index = 0; index < output.length; index++) {
      this.phase += this.step;
      while (this.phase >= 1) {
        this.phase -= 1;
        this.before = this.now;
        this.now = this.next();
      }
      output[index] = this.before + (this.now - this.before) * this.phase;
    }
    while (this.marks.length && this.marks[0].at <= this.played) {
      this.port.postMessage({ mark: this.marks.shift().name });
    }
    if (currentTime >= this.reportAt) {
      this.port.postMessage({ peak: this.peak });
      this.peak = 0;
      this.reportAt = currentTime + REPORT_SECONDS;
    }
    return true;
  }

  next() {
    const piece = this.pieces[0];
    if (piece === undefined) return 0;
    const sample = piece[this.read++] / 32768;
    this.played += 1;
    if (this.read >= piece.length) {
      this.pieces.shift();
      this.read = 0;
    }
    this.peak = Math.max(this.peak, Math.abs(sample));
    return sample;
  }
}

registerProcessor("microphone", Microphone);
registerProcessor("speaker", Speaker);
