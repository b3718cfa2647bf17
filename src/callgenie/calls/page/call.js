// Talks to one's own assistant. The protocol is described in docs/reference/web-calls.md; the access token lives in
// this module's memory and nowhere else.
import { Line } from "./line.js";

const ENDINGS = {
  "caller-hangup": "You hung up.",
  "assistant-hangup": "The assistant hung up.",
  "silence-timeout": "The call ended because nobody spoke.",
  "max-duration": "The call reached the longest time that one may last.",
  "usage-limit": "The call ended: the plan's minutes are used up.",
  "account-suspended": "The call ended: the account is suspended.",
  "subscription-inactive": "The call ended: the subscription is not active.",
  "carrier-stream-lost": "The connection was lost.",
  "server-shutdown": "The server is restarting. Call again in a minute.",
};
const KEYS = [..."123456789*0#"];

const at = (id) => document.getElementById(id);
let accessToken = null;
let line = null;
let ticking = null;

async function ask(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (accessToken !== null) headers.Authorization = `Bearer ${accessToken}`;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Error("The server cannot be reached. Check your connection, and try again.");
  }
  const content = await answer.json().catch(() => ({}));
  if (answer.ok) return content;
  if (answer.status === 401 && accessToken !== null) {
    signOut();
    throw new Error("You were signed out. Sign in again.");
  }
  throw new Error(content.detail || "Something went wrong. Try again.");
}

function complain(text) {
  at("notice").textContent = text;
  at("notice").hidden = text === "";
}

function show(state) {
  at("state").textContent = state;
}

// Signing in and out

async function signIn(event) {
  event.preventDefault();
  complain("");
  const button = at("sign-in").querySelector("button");
  button.disabled = true;
  try {
    const answer = await ask("POST", "api/auth/login", { email: at("email").value, password: at("password").value });
    accessToken = answer.accessToken;
    at("password").value = "";
    const { profile } = await ask("GET", "api/user/profile");
    at("title").textContent = `Call ${profile.preferences.assistantName}`;
    at("sign-in").hidden = true;
    at("call").hidden = at("sign-out").hidden = false;
    show("Ready.");
    at("start").focus();
  } catch (problem) {
    accessToken = null;
    complain(problem.message);
  } finally {
    button.disabled = false;
  }
}

function signOut() {
  line?.hangUp();
  if (accessToken !== null) ask("POST", "api/auth/logout").catch(() => {});
  accessToken = null;
  at("title").textContent = "Call your assistant";
  at("sign-in").hidden = false;
  at("call").hidden = at("sign-out").hidden = true;
  at("transcript").replaceChildren();
  at("email").focus();
}

// The call

async function start() {
  complain("");
  at("start").disabled = true;
  at("transcript").replaceChildren();
  at("partial").textContent = "";
  show("Asking for the microphone …");
  let ticket = null;
  const opening = new Line({ onEvent, onEnded: ended, onLevel: (own) => (at("own-level").value = own), onSpeech });
  try {
    await opening.openAudio();
    show("Connecting …");
    ticket = await ask("POST", "api/calls/web");
    await opening.connect(ticket);
    line = opening;
  } catch (problem) {
    opening.closeAudio();
    // Nobody will answer it now, and it would hold a line for a minute.
    if (ticket !== null) ask("DELETE", `api/user/calls/${ticket.sessionId}`).catch(() => {});
    complain(problem.message);
    show("Ready.");
    at("start").disabled = false;
    return;
  }
  inCall(true);
  at("hang-up").focus();
  const began = Date.now();
  ticking = setInterval(() => {
    const seconds = Math.floor((Date.now() - began) / 1000);
    at("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }, 250);
}

function inCall(going) {
  at("start").hidden = going;
  at("start").disabled = false;
  at("hang-up").hidden = at("levels").hidden = at("keypad").hidden = !going;
  at("hang-up").disabled = false;
  if (going) at("said").hidden = false;
}

function ended(reason) {
  line = null;
  clearInterval(ticking);
  inCall(false);
  at("partial").textContent = "";
  show(ENDINGS[reason] || "The call ended because of a fault on our side. Try again.");
  at("start").focus();
}

function onEvent(event) {
  if (event.event === "ready") show("Connected. Speak whenever you like.");
  if (event.event === "partial") at("partial").textContent = event.text;
  if (event.event === "turn") addTurn(event);
  if (event.event === "ended") show("The call is over …");
}

function addTurn(turn) {
  const item = document.createElement("li");
  item.className = turn.interrupted ? `${turn.role} interrupted` : turn.role;
  const who = document.createElement("span");
  who.className = "who";
  who.textContent = turn.role === "user" ? "You" : "Assistant";
  item.append(who, turn.text);
  at("transcript").append(item);
  if (turn.role === "user") at("partial").textContent = "";
  item.scrollIntoView({ block: "nearest" });
}

function onSpeech(peak) {
  at("assistant-level").value = peak;
}

function hangUp() {
  at("hang-up").disabled = true;
  show("Hanging up …");
  line?.hangUp();
}

for (const key of KEYS) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = key;
  button.addEventListener("click", () => line?.press(key));
  document.querySelector(".keys").append(button);
}
at("sign-in").addEventListener("submit", signIn);
at("sign-out").addEventListener("click", signOut);
at("start").addEventListener("click", start);
at("hang-up").addEventListener("click", hangUp);
