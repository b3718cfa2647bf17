// One call: the microphone and the loudspeaker on one side, the socket on the other.
const CALL_RATE = 16000;
const CONNECT_MS_MAX = 10000;
// After this long nobody will say any more how the call ended.
const GOODBYE_MS_MAX = 5000;
// Audio that a slow network has not taken by now is too late to be understood.
const UNSENT_BYTES_MAX = CALL_RATE * 2 * 3;

const MICROPHONE_TROUBLE = {
  NotAllowedError: "The microphone was refused. Allow it for this page in the browser's settings, and start again.",
  NotFoundError: "There is no microphone. Plug one in, and start again.",
  NotReadableError: "The microphone is in use by another program, or does not work. Close that program, and start again.",
};

export class Line {
  constructor({ onEvent, onEnded, onLevel, onSpeech }) {
    Object.assign(this, { onEvent, onEnded, onLevel, onSpeech });
    this.reason = "carrier-stream-lost";
    this.socket = null;
  }

  async openAudio() {
    if (!navigator.mediaDevices) {
      throw new Error("Browsers give the microphone only to pages over https, or on this machine as localhost.");
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch (trouble) {
      throw new Error(MICROPHONE_TROUBLE[trouble.name] || "The microphone cannot be used. Check it, and start again.");
    }
    // The browser's own resampling is the best there is, but not every browser has it for a microphone.
    try {
      await this.openContext({ sampleRate: CALL_RATE });
    } catch (trouble) {
      await this.context.close();
      if (trouble.name !== "NotSupportedError") throw trouble;
      await this.openContext({});
    }
  }

  async openContext(options) {
    this.context = new AudioContext(options);
    const source = this.context.createMediaStreamSource(this.stream);
    await this.context.audioWorklet.addModule(new URL("audio.js", import.meta.url));
    this.microphone = new AudioWorkletNode(this.context, "microphone", { channelCount: 1, channelCountMode: "explicit" });
    this.speaker = new AudioWorkletNode(this.context, "speaker", { numberOfInputs: 0, outputChannelCount: [1] });
    this.microphone.port.onmessage = ({ data }) => this.speak(data);
    this.speaker.port.onmessage = ({ data }) => this.played(data);
    source.connect(this.microphone);
    // Without a way to the output the browser would not run it; it gives out silence.
    this.microphone.connect(this.context.destination);
    this.speaker.connect(this.context.destination);
    await this.context.resume();
  }

  closeAudio() {
    this.stream?.getTracks().forEach((track) => track.stop());
    if (this.context && this.context.state !== "closed") this.context.close();
  }

  connect({ sessionId, ticket }) {
    const address = new URL(`api/calls/web/${sessionId}`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("ticket", ticket);
    return new Promise((resolve, reject) => {
      const refused = () => reject(new Error("The call could not be connected. Try again."));
      const late = setTimeout(() => this.socket.close(), CONNECT_MS_MAX);
      this.socket = new WebSocket(address);
      this.socket.binaryType = "arraybuffer";
      this.socket.onopen = () => {
        clearTimeout(late);
        this.socket.onclose = () => this.closed();
        resolve();
      };
      this.socket.onclose = refused;
      this.socket.onmessage = ({ data }) => this.hear(data);
    });
  }

  hear(data) {
    if (data instanceof ArrayBuffer) {
      this.speaker.port.postMessage({ pcm: data }, [data]);
      return;
    }
    const event = JSON.parse(data);
    if (event.event === "mark") this.speaker.port.postMessage({ mark: event.name });
    else if (event.event === "clear") this.speaker.port.postMessage({ clear: true });
    else if (event.event === "ended") {
      // The server closes the socket once the call is settled, and another one can begin.
      this.reason = event.reason;
      this.closeAudio();
    }
    this.onEvent(event);
  }

  speak({ pcm, peak }) {
    this.onLevel(peak);
    if (this.socket?.readyState === WebSocket.OPEN && this.socket.bufferedAmount < UNSENT_BYTES_MAX) {
      this.socket.send(pcm);
    }
  }

  played({ mark, peak }) {
    if (mark !== undefined) this.tell({ event: "mark", name: mark });
    else this.onSpeech(peak);
  }

  press(digit) {
    this.tell({ event: "dtmf", digit });
  }

  hangUp() {
    this.tell({ event: "hang-up" });
    setTimeout(() => this.socket.close(), GOODBYE_MS_MAX);
  }

  tell(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  closed() {
    this.closeAudio();
    this.onEnded(this.reason);
  }
}
