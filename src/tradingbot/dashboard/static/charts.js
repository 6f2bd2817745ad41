"use strict";
// Draws every .chart of the page with TradingView's Lightweight Charts; keeps what is drawn when the page is renewed.
(function () {
  const drawn = new Map();

  function colors() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    return { ink: of("--quiet"), line: of("--line"), card: of("--card"), green: of("--green"), red: of("--red"), blue: of("--blue"), yellow: of("--yellow") };
  }

  function options(palette) {
    return {
      autoSize: true,
      layout: { background: { color: palette.card }, textColor: palette.ink, attributionLogo: false },
      grid: { vertLines: { color: palette.line }, horzLines: { color: palette.line } },
      timeScale: { timeVisible: true, secondsVisible: false, borderColor: palette.line, minBarSpacing: 0.02 },
      rightPriceScale: { borderColor: palette.line },
    };
  }

  function line(points) {
    return points.map((one) => (one[1] === null ? { time: one[0] } : { time: one[0], value: one[1] }));
  }

  function precision(price) {
    const digits = Math.max(2, Math.min(10, 5 - Math.floor(Math.log10(Math.abs(price) || 1))));
    return { type: "price", precision: digits, minMove: Math.pow(10, -digits) };
  }

  function marks(rows, palette) {
    return rows.map((one) => {
      const entry = one.what === "entry";
      const long = one.side === "long";
      return {
        time: Math.floor(one.time / 60) * 60,
        position: entry === long ? "belowBar" : "aboveBar",
        shape: entry ? (long ? "arrowUp" : "arrowDown") : "circle",
        color: entry ? palette.blue : Number(one.net_pnl_usd) >= 0 ? palette.green : palette.red,
        text: "",
      };
    });
  }

  const kinds = {
    area(chart, points, palette) {
      const series = chart.addSeries(LightweightCharts.AreaSeries, { lineColor: palette.blue, topColor: palette.blue + "55", bottomColor: palette.blue + "08", lineWidth: 2 });
      series.setData(line(points));
    },
    fall(chart, points, palette) {
      const series = chart.addSeries(LightweightCharts.BaselineSeries, { baseValue: { type: "price", price: 0 }, bottomLineColor: palette.red, bottomFillColor1: palette.red + "10", bottomFillColor2: palette.red + "55", topLineColor: palette.green });
      series.setData(line(points));
    },
    lines(chart, points, palette, element) {
      const hues = Object.keys(points).map((_, number) => `hsl(${Math.round((number * 137.5) % 360)} 70% 50%)`);
      const beside = element.nextElementSibling;
      const legend = beside && "legend" in beside.dataset ? beside : null;
      if (legend) legend.replaceChildren();
      Object.entries(points).forEach(([name, values], number) => {
        const series = chart.addSeries(LightweightCharts.LineSeries, { color: hues[number], lineWidth: 2, lastValueVisible: false, priceLineVisible: false });
        series.setData(line(values));
        if (legend) {
          const item = document.createElement("span");
          const mark = document.createElement("i");
          mark.style.background = hues[number];
          item.append(mark, name.replace(":", " "));
          legend.append(item);
        }
      });
    },
    candles(chart, points, palette, element) {
      const series = chart.addSeries(LightweightCharts.CandlestickSeries, {
        upColor: palette.green, downColor: palette.red, wickUpColor: palette.green, wickDownColor: palette.red, borderVisible: false,
        priceFormat: precision(points.length ? points[points.length - 1].close : 1),
      });
      series.setData(points);
      LightweightCharts.createSeriesMarkers(series, marks(JSON.parse(element.dataset.marks), palette));
      for (const held of JSON.parse(element.dataset.lines)) {
        series.createPriceLine({ price: Number(held.entry_price), color: palette.blue, lineStyle: 2, title: "entry" });
        series.createPriceLine({ price: Number(held.stop_price), color: palette.red, lineStyle: 2, title: "stop" });
      }
    },
  };

  function draw(element) {
    const points = JSON.parse(element.dataset.points);
    if (!(points.length || Object.keys(points).length)) {
      element.textContent = "Nothing to draw yet.";
      return;
    }
    const palette = colors();
    const chart = LightweightCharts.createChart(element, options(palette));
    kinds[element.dataset.chart](chart, points, palette, element);
    chart.timeScale().fitContent();
    drawn.set(element, chart);
  }

  window.chartTools = { colors, options, precision, marks };

  window.drawCharts = function () {
    for (const [element, chart] of drawn) {
      if (!element.isConnected) {
        chart.remove();
        drawn.delete(element);
      }
    }
    for (const element of document.querySelectorAll(".chart")) {
      if (!drawn.has(element)) draw(element);
    }
  };

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const [element, chart] of drawn) {
      chart.remove();
      drawn.delete(element);
    }
    window.drawCharts();
  });
  window.drawCharts();
})();
