// Gatehouse: passkeys (WebAuthn). Loaded on the pages that ask for one.
"use strict";

// <passkey-form data-kind="create|get" data-options="JSON"><p data-plain>what stands without scripts</p>
//   <form>…<input type="hidden" name="passkey"><p data-says hidden></p><button hidden>…</button></form></passkey-form>
customElements.define("passkey-form", class extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("form");
    if (!form || this.ready) return;
    this.ready = true;
    this.querySelector("[data-plain]").remove();
    const button = form.querySelector("button");
    if (!window.PublicKeyCredential) {
      this.say("This browser has no passkeys at this address. Use another browser, or another second step.");
      return;
    }
    button.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.ask(form, button);
    });
  }

  async ask(form, button) {
    button.disabled = true;
    this.say("");
    try {
      const publicKey = readOptions(JSON.parse(this.dataset.options));
      const credential = this.dataset.kind === "create"
        ? await navigator.credentials.create({ publicKey })
        : await navigator.credentials.get({ publicKey });
      form.elements.passkey.value = JSON.stringify(written(credential));
      form.submit();
    } catch (error) {
      this.say(wordsFor(error));
    } finally {
      button.disabled = false;
    }
  }

  say(text) {
    const says = this.querySelector("[data-says]");
    says.textContent = text;
    says.hidden = !text;
  }
});

function wordsFor(error) {
  switch (error.name) {
    case "InvalidStateError":
      return "This authenticator holds a passkey of your account already.";
    case "NotAllowedError":
      return "No passkey was given: it was cancelled, or it took too long. Try again.";
    case "SecurityError":
      return "This browser does not allow passkeys at this address.";
    default:
      return `The browser could not do this (${error.name}).`;
  }
}

// The JSON of WebAuthn Level 3 §5.1 as what the browser takes, for browsers without parseCreationOptionsFromJSON().
function readOptions(options) {
  const known = (list) => list?.map((c) => ({ ...c, id: decoded(c.id) }));
  const read = { ...options, challenge: decoded(options.challenge) };
  if (options.user) read.user = { ...options.user, id: decoded(options.user.id) };
  if (options.excludeCredentials) read.excludeCredentials = known(options.excludeCredentials);
  if (options.allowCredentials) read.allowCredentials = known(options.allowCredentials);
  return read;
}

// What the browser gave as JSON, for browsers without toJSON().
function written(credential) {
  const response = { clientDataJSON: encoded(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    const value = credential.response[name];
    if (value instanceof ArrayBuffer && value.byteLength) response[name] = encoded(value);
  }
  return { id: credential.id, rawId: encoded(credential.rawId), type: credential.type, response };
}

// base64url without padding, both ways
function decoded(text) {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

function encoded(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join("");
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
