// Teach it: pictures from files and the camera become small ones here, and go to the server as text within a question;
// no file is uploaded. What a lesson shows is drawn by the server; the camera's picture stays in this page.

let limits = { side: 512 };
let trained = () => null;

const encode = (canvas, kind, quality) => new Promise((done) => canvas.toBlob(done, kind, quality));
const textOf = (blob) => new Promise((done) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.readAsDataURL(blob);
});

// A picture or a video's frame -> base64 of a PNG where it is small, else of a JPEG with an edge of 256 pixels or so.
const EDGE = 256, SMALL = 96;
const packed = async (source, width, height) => {
  const scale = Math.min(1, EDGE / Math.min(width, height), limits.side / Math.max(width, height));
  const canvas = Object.assign(document.createElement("canvas"),
    { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(source, 0, 0, canvas.width, canvas.height);
  const kind = Math.max(canvas.width, canvas.height) <= SMALL ? "image/png" : "image/jpeg";
  for (let quality = 0.9; ; quality -= 0.15) {
    const text = await textOf(await encode(canvas, kind, quality));
    if (text.length <= (limits.picture ?? Infinity) || quality < 0.3) return text;
  }
};
const packedFile = async (file) => {
  try {
    const bitmap = await createImageBitmap(file);
    const text = await packed(bitmap, bitmap.width, bitmap.height);
    bitmap.close();
    return text;
  } catch { return null; }  // the server says that it is no picture
};

// In as few questions as their size allows, one after the other.
const send = (trigger, group, pictures) => window.inTurn(() => trigger("upload", { group, pictures }));
const sendFiles = async (trigger, group, files) => {
  let form = [], length = 0;
  for (const file of files) {
    const data = await packedFile(file), added = data?.length ?? 0;
    if (form.length && (form.length === limits.pictures || length + added > limits.form)) {
      send(trigger, group, form);
      form = []; length = 0;
    }
    form.push({ name: file.name.slice(0, 80), data });
    length += added;
  }
  if (form.length) send(trigger, group, form);
};

const camera = { video: null, start: async () => false };
const frame = async () => {
  const { video } = camera;
  return video?.videoWidth ? packed(video, video.videoWidth, video.videoHeight) : null;
};

export const mountLesson = (element, trigger, allowed) => {
  limits = allowed;
  trained = () => element.querySelector("[data-ready]");
  const shoot = async (group) => {
    if (!await camera.start()) return;
    const data = await frame();
    if (data) send(trigger, group, [{ name: new Date().toLocaleTimeString(), data }]);
  };
  let burst;
  element.addEventListener("pointerdown", (event) => {
    const button = event.target.closest("[data-shoot]");
    if (button) burst = setInterval(() => shoot(Number(button.dataset.shoot)), 500);
  });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => clearInterval(burst));
  element.addEventListener("click", (event) => {
    const button = event.target.closest("[data-shoot]");
    if (button) shoot(Number(button.dataset.shoot));
  });
  element.addEventListener("change", (event) => {
    const { files, rename } = event.target.dataset;
    if (files) {
      sendFiles(trigger, Number(files), [...event.target.files]);
      event.target.value = "";
    } else if (rename) {
      const name = event.target.value;
      window.inTurn(() => trigger("select", { field: "rename", value: Number(rename), name }));
    }
  });
  keepFocus(element);
};

// The server draws the lesson anew: who works with the keyboard stays where he was.
const keepFocus = (element) => {
  const NAMES = ["rename", "shoot", "files", "field", "value"];
  let last = null;
  element.addEventListener("focusin", (event) => {
    last = NAMES.filter((name) => name in event.target.dataset)
      .map((name) => `[data-${name}="${CSS.escape(event.target.dataset[name])}"]`).join("");
  });
  element.addEventListener("focusout", (event) => { if (event.relatedTarget) last = null; });
  new MutationObserver(() => {
    if (last && document.activeElement === document.body) element.querySelector(last)?.focus();
  }).observe(element, { childList: true, subtree: true });
};

const PAUSE = 300;  // ms between an answer and the next frame
export const mountCamera = (element, trigger) => {
  const video = camera.video = element.querySelector("video"), button = element.querySelector("[data-camera]");
  const denied = element.querySelector("[data-denied]"), asked = element.querySelector("img.asked");
  let waiting = false;
  const running = () => Boolean(video.srcObject);
  const stop = () => {
    video.srcObject?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    video.hidden = true;
    button.setAttribute("aria-pressed", "false");
  };
  const start = async () => {
    if (running()) return true;
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      denied.hidden = asked.hidden = true;
      video.hidden = false;
      await video.play();
      button.setAttribute("aria-pressed", "true");
      look();
      return true;
    } catch {
      stop();
      denied.hidden = false;
      return false;
    }
  };
  camera.start = start;
  const ask = (picture) => {
    waiting = true;
    trigger("tick", { picture });
  };
  const look = async () => {
    if (!running() || waiting) return;
    const seen = !document.hidden && element.offsetParent && trained() ? await frame() : null;
    if (seen) ask(seen);
    else setTimeout(look, PAUSE);
  };
  window.looked = () => {
    waiting = false;
    setTimeout(look, PAUSE);
  };
  button.addEventListener("click", () => running() ? stop() : start());
  element.addEventListener("change", async (event) => {
    const file = event.target.files?.[0];
    if (!file) return;
    stop();
    if (asked.src) URL.revokeObjectURL(asked.src);
    Object.assign(asked, { src: URL.createObjectURL(file), hidden: false });
    ask(await packedFile(file));
    event.target.value = "";
  });
};
