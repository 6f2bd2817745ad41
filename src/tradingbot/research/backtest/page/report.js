"use strict";
// Draws the plots of a backtest, sorts its tables and shows its trades. Everything it needs is in the page.
(function () {
  const PAGE = 50;
  const data = JSON.parse(document.getElementById("data").textContent);
  const tools = window.chartTools;
  const by = (id) => document.getElementById(id);
  document.documentElement.classList.add("scripted");

  const signed = (value, digits) => (value === null ? "–" : (value > 0 ? "+" : value < 0 ? "-" : "") + plain(Math.abs(value), digits));
  const plain = (value, digits) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const when = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ");
  const tone = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
  const held = (minutes) => (minutes < 120 ? `${plain(minutes, 0)} min` : minutes < 2880 ? `${plain(minutes / 60, 1)} h` : `${plain(minutes / 1440, 1)} days`);
  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // Trades: columns are packed, names are places in lists.
  const names = data.trades.names;
  const trades = data.trades.rows.map((row) => ({
    number: row[0], symbol: names.symbol[row[1]], side: names.side[row[2]], strategy: names.strategy[row[3]],
    regime: names.regime[row[4]], rule: names.rule[row[5]], entry: row[6], exit: row[7], entryPrice: row[8], exitPrice: row[9],
    notional: row[10], fees: row[11], funding: row[12], net: row[13], bps: row[14], peak: row[15], trough: row[16],
    components: row[17].map((place) => names.component[place]), minutes: (row[7] - row[6]) / 60,
  }));

  // Plots.
  const plots = { curve: null, price: null, span: null };
  const usd = (value) => plain(value, 2);
  const zipped = (times, values) => times.map((time, place) => ({ time, value: values[place] }));

  function nearest(times, wanted) {
    let low = 0;
    let high = times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (times[middle] <= wanted) low = middle;
      else high = middle - 1;
    }
    return times[low];
  }

  function begun(id, palette, more) {
    const place = by(id);
    place.replaceChildren();
    const options = tools.options(palette);
    options.layout.panes = { separatorColor: palette.line, enableResize: false };
    Object.assign(options.rightPriceScale, { minimumWidth: 74 });
    options.timeScale.lockVisibleTimeRangeOnResize = true;
    options.handleScroll = { vertTouchDrag: false, mouseWheel: false };
    options.handleScale = { mouseWheel: true, pinch: true };
    return LightweightCharts.createChart(place, Object.assign(options, more));
  }

  function drawCurve() {
    const curve = data.curve;
    if (plots.curve) plots.curve.remove();
    plots.curve = null;
    if (!curve.time.length) return void (by("curve-plot").textContent = "No cycle was run.");
    const palette = tools.colors();
    const chart = begun("curve-plot", palette, {});
    const quiet = { lastValueVisible: false, priceLineVisible: false };
    const money = { type: "custom", minMove: 0.01, formatter: (value) => plain(value, 0) };
    const percent = { type: "custom", minMove: 0.01, formatter: (value) => `${plain(value, 1)} %` };
    const equity = chart.addSeries(LightweightCharts.AreaSeries, { lineColor: palette.blue, topColor: palette.blue + "44", bottomColor: palette.blue + "05", lineWidth: 2, priceFormat: money, priceLineVisible: false }, 0);
    equity.setData(zipped(curve.time, curve.equity));
    let holding = null;
    if (curve.benchmark.length && by("with-benchmark").checked) {
      holding = chart.addSeries(LightweightCharts.LineSeries, { color: palette.yellow, lineWidth: 1, priceFormat: money, ...quiet }, 0);
      holding.setData(zipped(curve.time, curve.benchmark));
    }
    const fall = chart.addSeries(LightweightCharts.BaselineSeries, { baseValue: { type: "price", price: 0 }, bottomLineColor: palette.red, bottomFillColor1: palette.red + "10", bottomFillColor2: palette.red + "55", lineWidth: 1, priceFormat: percent, ...quiet }, 1);
    fall.setData(zipped(curve.time, curve.drawdown));
    const exposure = chart.addSeries(LightweightCharts.AreaSeries, { lineColor: palette.green, topColor: palette.green + "55", bottomColor: palette.green + "08", lineWidth: 1, priceFormat: percent, ...quiet }, 2);
    exposure.setData(zipped(curve.time, curve.exposure));
    chart.panes().forEach((pane, place) => pane.setStretchFactor([3, 1, 1][place]));
    chart.priceScale("right", 0).applyOptions({ mode: by("with-log").checked ? LightweightCharts.PriceScaleMode.Logarithmic : LightweightCharts.PriceScaleMode.Normal });
    if (by("with-marks").checked) {
      LightweightCharts.createSeriesMarkers(equity, trades.slice().sort((one, other) => one.exit - other.exit).map((one) => ({
        time: nearest(curve.time, one.exit), position: one.net >= 0 ? "aboveBar" : "belowBar", shape: "circle", size: 0.4, color: one.net >= 0 ? palette.green : palette.red,
      })));
    }
    const last = curve.time.length - 1;
    const told = (place) => {
      const rows = [["equity", usd(curve.equity[place]) + " USD", palette.blue]];
      if (curve.benchmark.length) rows.push(["buy and hold", usd(curve.benchmark[place]) + " USD", palette.yellow]);
      rows.push(["fall", plain(curve.drawdown[place], 2) + " %", palette.red], ["exposure", plain(curve.exposure[place], 1) + " %", palette.green]);
      by("curve-legend").replaceChildren(element("span", {}, when(curve.time[place])), ...rows.map(([name, value, color]) => {
        const mark = element("i", {});
        mark.style.background = color;
        return element("span", {}, mark, name + " ", element("b", {}, value));
      }));
    };
    const places = new Map(curve.time.map((time, place) => [time, place]));
    chart.subscribeCrosshairMove((at) => told(at.time !== undefined && places.has(at.time) ? places.get(at.time) : last));
    told(last);
    if (plots.span) chart.timeScale().setVisibleLogicalRange(plots.span);
    else chart.timeScale().fitContent();
    plots.curve = chart;
    // A chart that was just made tells its own first range; what comes after two frames is the reader's.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (plots.curve === chart) chart.timeScale().subscribeVisibleLogicalRangeChange((range) => { plots.span = range; });
    }));
  }

  // Bars of one price each are points of a line.
  function priceSeries(chart, bars, palette) {
    const options = { priceLineVisible: false, priceFormat: tools.precision(bars.close[bars.close.length - 1]) };
    if (bars.high.every((value, place) => value === bars.low[place])) {
      const line = chart.addSeries(LightweightCharts.LineSeries, { color: palette.ink, lineWidth: 1, ...options });
      line.setData(zipped(bars.time, bars.close));
      return line;
    }
    const series = chart.addSeries(LightweightCharts.CandlestickSeries, {
      upColor: palette.green, downColor: palette.red, wickUpColor: palette.green, wickDownColor: palette.red, borderVisible: false, ...options,
    });
    series.setData(bars.time.map((time, place) => ({ time, open: bars.open[place], high: bars.high[place], low: bars.low[place], close: bars.close[place] })));
    return series;
  }

  function drawPrice(around) {
    const symbol = by("price-symbol").value;
    const bars = data.prices[symbol];
    if (plots.price) plots.price.remove();
    plots.price = null;
    if (!bars) return void (by("price-plot").textContent = "No price is known.");
    const palette = tools.colors();
    const chart = begun("price-plot", palette, {});
    const series = priceSeries(chart, bars, palette);
    const marks = trades.filter((one) => one.symbol === symbol).flatMap((one) => [
      { time: nearest(bars.time, one.entry), what: "entry", side: one.side },
      { time: nearest(bars.time, one.exit), what: "exit", side: one.side, net_pnl_usd: one.net },
    ]);
    LightweightCharts.createSeriesMarkers(series, tools.marks(marks.sort((one, other) => one.time - other.time), palette));
    by("price-note").textContent = `${marks.length / 2} trades of ${symbol}, ${held(bars.step / 60)} to a bar.`;
    chart.timeScale().fitContent();
    if (around) {
      const first = bars.time.indexOf(nearest(bars.time, around.entry));
      const end = bars.time.indexOf(nearest(bars.time, around.exit));
      chart.timeScale().setVisibleLogicalRange({ from: first - 40, to: Math.min(end + 40, bars.time.length + 5) });
    }
    plots.price = chart;
  }

  // Tables that are sorted by a click on a head.
  function sortable(table) {
    table.querySelectorAll("thead th").forEach((head, place) => {
      const button = element("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        table.querySelectorAll("thead th").forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const value = (row) => row.cells[place].dataset.value;
        const text = (row) => row.cells[place].textContent;
        const compared = (one, other) => {
          if (value(one) !== undefined && value(other) !== undefined) return (value(one) - value(other)) * (down ? -1 : 1);
          if (value(one) !== undefined || value(other) !== undefined) return value(one) === undefined ? 1 : -1;
          return text(one).localeCompare(text(other)) * (down ? 1 : -1);
        };
        body.append(...[...body.rows].sort(compared));
      });
    });
  }

  // The list of trades.
  const COLUMNS = [
    ["#", "number", true], ["symbol", "symbol"], ["side", "side"], ["net USD", "net", true], ["bps", "bps", true], ["entry", "entry", true],
    ["held", "minutes", true], ["from", "entryPrice", true], ["to", "exitPrice", true], ["USD", "notional", true], ["best, bps", "peak", true],
    ["worst, bps", "trough", true], ["fees", "fees", true], ["funding", "funding", true], ["ended by", "rule"], ["strategy", "strategy"], ["regime", "regime"], ["agreed", "components"],
  ];
  const FILTERS = [["symbol", "Symbol"], ["side", "Side"], ["rule", "Ended by"], ["strategy", "Strategy"], ["regime", "Regime"]];
  const view = { by: "number", down: true, page: 0, chosen: trades, picked: null };

  function chosen() {
    const form = by("trade-filters");
    const wanted = FILTERS.map(([name]) => [name, form.elements[name].value]).filter(([, value]) => value);
    const result = form.elements.result.value;
    const component = form.elements.component.value;
    return trades.filter((one) => wanted.every(([name, value]) => one[name] === value)
      && (!result || (result === "won") === one.net > 0) && (!component || one.components.includes(component)));
  }

  function price(value) {
    return value.toLocaleString("en-US", { maximumSignificantDigits: 7 });
  }

  function row(one) {
    const cell = (text, kind) => element("td", { className: kind || "" }, text);
    const show = element("button", { type: "button", title: "Show on the price" }, String(one.number));
    show.setAttribute("aria-label", `Show trade ${one.number} on the price`);
    show.addEventListener("click", () => {
      view.picked = one.number;
      by("price-symbol").value = one.symbol;
      drawPrice(one);
      list();
      by("prices").scrollIntoView();
    });
    const made = element("tr", {}, element("th", { scope: "row", className: "num" }, show), cell(one.symbol), element("td", {}, element("span", { className: `badge ${one.side}` }, one.side)),
      cell(signed(one.net, 2), `num ${tone(one.net)}`), cell(signed(one.bps, 1), `num ${tone(one.bps)}`), cell(when(one.entry), "num"), cell(held(one.minutes), "num"),
      cell(price(one.entryPrice), "num"), cell(price(one.exitPrice), "num"), cell(plain(one.notional, 0), "num"), cell(signed(one.peak, 1), "num"), cell(signed(one.trough, 1), "num"),
      cell(plain(one.fees, 2), "num"), cell(signed(one.funding, 4), "num"), cell(one.rule), cell(one.strategy), cell(one.regime), cell(one.components.join(", ")));
    if (one.number === view.picked) made.className = "picked";
    return made;
  }

  function list() {
    const pages = Math.max(1, Math.ceil(view.chosen.length / PAGE));
    view.page = Math.min(view.page, pages - 1);
    const compared = (one, other) => {
      const [mine, its] = [one[view.by], other[view.by]];
      if (mine === its) return other.number - one.number;
      if (mine === null || its === null) return mine === null ? 1 : -1;
      return (typeof mine === "number" ? mine - its : String(mine).localeCompare(String(its))) * (view.down ? -1 : 1);
    };
    const shown = view.chosen.slice().sort(compared).slice(view.page * PAGE, (view.page + 1) * PAGE);
    by("trade-list").tBodies[0].replaceChildren(...shown.map(row));
    const net = view.chosen.reduce((sum, one) => sum + one.net, 0);
    const won = view.chosen.filter((one) => one.net > 0).length;
    const share = view.chosen.length ? `, ${plain((100 * won) / view.chosen.length, 1)} % won, ${signed(net, 2)} USD net` : "";
    by("trade-sum").textContent = `${plain(view.chosen.length, 0)} trades${share}`;
    by("page-told").textContent = `Page ${view.page + 1} of ${pages}`;
    by("page-back").disabled = view.page === 0;
    by("page-on").disabled = view.page + 1 >= pages;
  }

  function listHeads() {
    by("trade-list").tHead.append(element("tr", {}, ...COLUMNS.map(([label, name, isNumber]) => {
      const head = element("th", { scope: "col", className: isNumber ? "num" : "" });
      const button = element("button", { type: "button" }, label);
      button.addEventListener("click", () => {
        view.down = view.by === name ? !view.down : Boolean(isNumber);
        view.by = name;
        for (const one of by("trade-list").tHead.rows[0].cells) one.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", view.down ? "descending" : "ascending");
        view.page = 0;
        list();
      });
      head.append(button);
      return head;
    })));
  }

  function listFilters() {
    const form = by("trade-filters");
    const select = (name, label, values) => {
      const options = [["", "all"], ...values.map((one) => (Array.isArray(one) ? one : [one, one]))];
      form.append(element("label", {}, label + " ", element("select", { name }, ...options.map(([value, text]) => element("option", { value }, text)))));
    };
    for (const [name, label] of FILTERS) select(name, label, names[name].slice().sort());
    select("component", "Agreed", names.component);
    select("result", "Result", [["won", "won"], ["lost", "not won"]]);
    form.addEventListener("change", () => {
      view.chosen = chosen();
      view.page = 0;
      list();
    });
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  function redraw() {
    drawCurve();
    drawPrice();
  }

  by("price-symbol").append(...Object.keys(data.prices).map((name) => element("option", { value: name }, name)));
  document.querySelectorAll("table.sortable").forEach(sortable);
  listHeads();
  listFilters();
  list();
  for (const id of ["with-benchmark", "with-marks", "with-log"]) by(id).addEventListener("change", drawCurve);
  by("fit-curve").addEventListener("click", () => plots.curve && plots.curve.timeScale().fitContent());
  by("fit-price").addEventListener("click", () => plots.price && plots.price.timeScale().fitContent());
  by("price-symbol").addEventListener("change", () => drawPrice());
  by("page-back").addEventListener("click", () => { view.page -= 1; list(); });
  by("page-on").addEventListener("click", () => { view.page += 1; list(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  for (const [event, on] of [["beforeprint", true], ["afterprint", false]]) {
    window.addEventListener(event, () => { document.documentElement.classList.toggle("printing", on); redraw(); });
  }
  redraw();
})();
