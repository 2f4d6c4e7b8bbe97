// The race's track: two runners, whose place is their training loss, their score, and below each the gradients of its
// layers. A finished race is replayed in six seconds; a live one stands at its last point, over the ghost of the last.
(() => {
  const REPLAY = 6000;   // milliseconds
  const FAINTEST = .06;  // opacity of the smallest gradient's stripe

  const made = (kind, parent, words = "") => {
    const one = document.createElement(kind.split(".")[0]);
    one.className = kind.split(".").slice(1).join(" ");
    one.textContent = words;
    parent.append(one);
    return one;
  };
  const before = (pairs, iteration) => pairs.filter(([at]) => at <= iteration).at(-1)?.[1];
  const share = (race, loss) => `${100 * Math.min(1, Math.max(0, 1 - loss / race.start))}%`;
  const number = (loss) => Number(loss.toPrecision(3)).toString();

  const laneOf = (place, race, lane) => {
    const row = made(`div.lane.${lane.kind}`, place), head = made("div.who", row);
    made("b", head, lane.name);
    const score = made("span.score", head), road = made("div.road", row);
    const [ghost, trail, runner] = ["ghost", "trail", "runner"].map((kind) => made(`i.${kind}`, road));
    const cells = made("div.cells", row);
    const shades = (lane.looks[0]?.[1] ?? []).map(() => made("i", cells));
    const [low, high] = race.span.map(Math.log);
    return (at, last) => {
      const loss = lane.losses[at], iteration = race.iterations[at] ?? 0, test = before(lane.tests, iteration);
      runner.style.left = trail.style.width = share(race, loss ?? race.start);
      score.textContent = [loss == null ? "–" : `${race.words.loss} ${number(loss)}`,
        test == null ? "" : `${race.words.test} ${number(test)} %`].filter(Boolean).join(" · ");
      const norms = before(lane.looks, iteration) ?? [];
      shades.forEach((cell, i) => {
        const level = norms[i] > 0 ? (Math.log(norms[i]) - low) / (high - low || 1) : 0;
        cell.style.opacity = FAINTEST + (1 - FAINTEST) * Math.min(1, Math.max(0, level));
      });
      const there = last && last.iterations.findLastIndex((one) => one <= iteration);
      const theirs = last?.lanes.find((one) => one.kind === lane.kind)?.losses[there];
      ghost.hidden = theirs == null;
      if (theirs != null) ghost.style.left = share(last, theirs);
    };
  };

  window.mountRace = (element, props, watch) => {
    const place = element.querySelector(".track");
    let ghost = null, finished = null, playing = 0;

    const build = (race) => {
      place.replaceChildren();
      const head = made("div.clock", place), clock = made("span", head), again = made("button.pill", head, race.words.replay);
      again.type = "button";
      again.hidden = race.live || race.iterations.length < 2;
      const lanes = race.lanes.map((lane) => laneOf(place, race, lane));
      const scale = made("div.scale", place);
      for (const loss of [race.start, 2, 1.5, 1, .5, 0]) {
        made("span", scale, loss === race.start ? race.words.guessing : String(loss)).style.left = share(race, loss);
      }
      made("p.key", place, [race.words.gradients, ghost ? race.words.ghost : ""].filter(Boolean).join(" "));
      const panel = place.closest(".panel-result");
      const draw = (part) => {
        const at = Math.round(part * (race.iterations.length - 1));
        clock.textContent = race.words.iteration.replace("{n}", race.iterations[at] ?? 0)
          .replace("{s}", Math.round(race.seconds[at] ?? 0));
        for (const lane of lanes) lane(at, ghost);
        panel?.style.setProperty("--drawn", part);
        panel?.toggleAttribute("data-running", part < 1);
      };
      again.addEventListener("click", () => play(draw));
      return draw;
    };
    const play = (draw) => {
      const mine = ++playing, started = performance.now();
      const step = (now) => {
        if (mine !== playing) return;
        const part = Math.min(1, Math.max(0, (now - started) / REPLAY));
        draw(part);
        if (part < 1) requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    };
    const show = () => {
      if (!props.value) return;
      const race = JSON.parse(props.value);
      if (race.live && finished) [ghost, finished] = [finished, null];
      playing++;
      const draw = build(race);
      if (race.play && !matchMedia("(prefers-reduced-motion: reduce)").matches) play(draw);
      else draw(1);
      if (!race.live) finished = race;
    };
    watch("value", show);
    show();
  };
})();
