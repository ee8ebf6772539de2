"""The look: a quiet reading room. Colour carries meaning only; X-rays lie on true black in either theme."""

CSS = """
:root {
  --ink: light-dark(#191d22, #e4e7eb);
  --quiet: light-dark(#50575f, #98a0ab);
  --faint: light-dark(#626973, #808995);
  --line: light-dark(#dcdfe3, #24292f);
  --panel: light-dark(#f3f4f5, #13171b);
  --raised: light-dark(#e9ebed, #1b2026);
  --accent: light-dark(#0b7285, #5cc8d7);
  --good: light-dark(#15734f, #57c39a);
  --warn: light-dark(#8a5709, #d9a55c);
  --bad: light-dark(#a63b2f, #e08a7c);
}
.stApp, section.stSidebar { font-variant-numeric: tabular-nums; }
.stMainBlockContainer { padding: 1.5rem 3rem 2rem 1.8rem; max-width: 1560px; }
.stMainBlockContainer .stVerticalBlock { gap: .7rem; }
button[kind="primary"], button[kind="primary"] * { color: light-dark(#fff, #071417) !important; }
button[kind="primary"] kbd, button[kind="primary"] [data-testid*="hortcut"] { border-color: currentColor !important; opacity: .75; }
header.stAppHeader { background: transparent; }
header.stAppHeader, header.stAppHeader * { pointer-events: none; }
header.stAppHeader button, header.stAppHeader button *, header.stAppHeader [data-testid="stMainMenu"], header.stAppHeader [data-testid="stMainMenu"] * { pointer-events: auto; }
.stHtml a { color: inherit; text-decoration: none; }
.st-key-browser_helper { position: absolute; height: 0; overflow: hidden; }
.stElementContainer:has(> .stHtml > style:only-child) { display: none; }

/* words */
.eyebrow { color: var(--quiet); font-size: .82rem; margin: 0 0 .2rem; }
.eyebrow a:hover { color: var(--accent); }
.hero { font-size: 1.62rem; line-height: 1.28; font-weight: 500; color: var(--ink); margin: .35rem 0 .35rem; text-wrap: balance; }
.hero.none { color: var(--quiet); font-weight: 400; }
.lead { font-size: 1.02rem; line-height: 1.55; color: var(--ink); max-width: 62ch; margin: 0 0 .8rem; }
.quiet { color: var(--quiet); font-size: .84rem; line-height: 1.5; }
.faint { color: var(--faint); font-size: .78rem; }
.heading { font-size: .86rem; font-weight: 600; color: var(--quiet); margin: .75rem 0 0; display: flex; gap: .5rem; align-items: baseline; }
.heading b { font-weight: 400; color: var(--faint); }
.tip { cursor: help; text-decoration: underline dotted var(--faint) 1px; text-underline-offset: 3px; }
.machine-text { border-left: 2px solid var(--line); padding: .1rem 0 .1rem .75rem; color: var(--quiet); font-size: .88rem; line-height: 1.5; margin: .6rem 0; }
.machine-text b { color: var(--ink); font-weight: 400; }
a.link { color: var(--accent) !important; }
a.link:hover { text-decoration: underline !important; }
kbd { font: inherit; font-size: .75rem; border: 1px solid var(--line); border-radius: 4px; padding: 0 .3rem; color: var(--quiet); }

/* chips */
.chips { display: flex; flex-wrap: wrap; gap: .35rem; align-items: center; }
.chip { display: inline-block; border: 1px solid var(--line); border-radius: 99px; padding: .06rem .6rem; font-size: .78rem; line-height: 1.45; color: var(--quiet); white-space: nowrap; }
.chip.accepted { color: var(--good); border-color: color-mix(in srgb, var(--good) 45%, transparent); }
.chip.rejected { color: var(--bad); border-color: color-mix(in srgb, var(--bad) 45%, transparent); }
.chip.draft { color: var(--accent); border-color: color-mix(in srgb, var(--accent) 45%, transparent); }
.chip.unsure, .chip.second, .chip.notice { color: var(--warn); border-color: color-mix(in srgb, var(--warn) 45%, transparent); }
a.chip:hover { border-color: var(--accent); color: var(--accent); }
.chip.on { background: var(--raised); color: var(--ink); }
.dot { display: inline-block; width: .55rem; height: .55rem; border-radius: 50%; margin-right: .4rem; vertical-align: baseline; }

/* the stages of a report, once they have ended */
.st-key-stages:not(:has(.live)), .stLayoutWrapper:has(> .st-key-stages):not(:has(.live)) { display: none; }

/* beside the map on a narrow screen: words before pictures */
@media (max-width: 1150px) { .st-key-atlas_list .strip { display: none; } }

/* the plot over the X-rays comes after them and keeps its place */
.st-key-bars-place { min-height: 20.2rem; }

/* facts */
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.6rem, 1fr)); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.facts > div { padding: .6rem .85rem .55rem; box-shadow: 1px 0 0 var(--line), 0 1px 0 var(--line); cursor: help; }
.facts .n { font-size: 1.16rem; line-height: 1.3; color: var(--ink); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.facts .what { font-size: .78rem; color: var(--quiet); line-height: 1.35; }
@media (max-width: 1150px) { .facts { grid-template-columns: repeat(auto-fit, minmax(5.5rem, 1fr)); } .facts > div { padding: .5rem .55rem .45rem; } .facts .n { font-size: .98rem; white-space: normal; } }
.rows { width: 100%; border-collapse: collapse; font-size: .88rem; }
.rows td, .rows th { padding: .42rem .5rem .42rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: baseline; font-weight: 400; }
.rows th { color: var(--quiet); font-size: .78rem; }
.rows td.r, .rows th.r { text-align: right; padding-right: 0; padding-left: .6rem; color: var(--quiet); white-space: nowrap; }
.rows td.wrap { white-space: normal; overflow-wrap: anywhere; color: var(--ink); }
.rows tr:hover td { background: var(--panel); }
.rows td a { display: block; }
.rows td a:hover { color: var(--accent); }
.rows td b { font-weight: 500; color: var(--ink); }
.rows td.leans { color: var(--warn); }
.rows td.follows { color: var(--bad); }
.rows .group { display: inline-block; white-space: nowrap; margin-right: .8rem; }
/* Two tables stand side by side: what goes with a number goes below it before they run into each other. */
@media (max-width: 1280px) { .rows.told td.r .faint, .rows td.no .faint, .rows td.leans .faint, .rows td.follows .faint { display: block; } }
.verdict { margin: .2rem 0 .1rem; color: var(--ink); }
.bar { display: inline-block; height: 6px; background: var(--raised); width: 5.5rem; vertical-align: middle; }
.bar i { display: block; height: 6px; background: var(--accent); }

/* X-rays */
.xrays { display: grid; grid-template-columns: repeat(auto-fill, minmax(var(--cell, 8.4rem), 1fr)); gap: .7rem .55rem; }
.xray { margin: 0; min-width: 0; }
.frame { position: relative; display: block; aspect-ratio: 1; background: #000; border: 1px solid var(--line); overflow: hidden; }
a.frame:hover { border-color: var(--accent); }
.frame.big { max-width: 36rem; }
.map { position: relative; display: block; max-width: 20rem; aspect-ratio: 1; border: 1px solid var(--line); background: var(--panel); overflow: hidden; }
.map:hover { border-color: var(--accent); }
.map img { width: 100%; height: 100%; display: block; }
.map i { position: absolute; width: .8rem; height: .8rem; margin: -.4rem; border-radius: 50%; border: 2px solid var(--ink); }
.tall { max-height: 46rem; overflow-y: auto; padding-right: .5rem; }
.said { line-height: 1.55; margin: .35rem 0; }
.said .faint { display: inline-block; min-width: 5.2rem; }
.rows tr.on td { background: var(--panel); }
.frame img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; display: block; }
.frame img.heat { opacity: var(--heat, .5); visibility: hidden; }
.heat-on img.heat, body.heat-held img.heat { visibility: visible; }
.frame .tag { position: absolute; left: .3rem; bottom: .15rem; font-size: .76rem; color: #e4e7eb; text-shadow: 0 0 3px #000, 0 0 3px #000; }
.chest { display: grid; grid-template-columns: minmax(12rem, 20rem) 1fr; gap: 1.2rem; align-items: start; }
.chest .lead { margin: 0 0 .3rem; }
.chest .scale { display: flex; align-items: center; gap: .5rem; color: var(--quiet); font-size: .78rem; margin-top: .6rem; }
.chest .scale i { width: 9rem; height: .55rem; border: 1px solid var(--line); background: linear-gradient(90deg, #000, #00224e, #35456c, #666970, #948e77, #c8b866, #fee838); }
.warned { color: var(--warn) !important; }
@media (max-width: 40rem) { .chest { grid-template-columns: 1fr; } }
.frame .tag.right { left: auto; right: .3rem; }
.xray figcaption { font-size: .79rem; line-height: 1.4; color: var(--quiet); margin-top: .25rem; display: -webkit-box; -webkit-line-clamp: 4; -webkit-box-orient: vertical; overflow: hidden; }
.xray .line { font-size: .74rem; line-height: 1.35; color: var(--faint); margin-top: .2rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
mark { background: none; color: var(--ink); border-bottom: 1px solid var(--accent); }
.viewer { position: relative; background: #000; border: 1px solid var(--line); overflow: hidden; aspect-ratio: 1; }
.viewer > div { position: absolute; inset: 0; transform-origin: 50% 35%; }
.viewer img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
.viewer img.heat { opacity: var(--heat, .5); visibility: hidden; filter: none; }

/* report */
.sentence { display: flex; gap: .8rem; justify-content: space-between; align-items: baseline; padding: .5rem .7rem; border-left: 2px solid transparent; line-height: 1.45; }
a.sentence:hover { background: var(--panel); }
a.sentence.on { background: var(--panel); border-left-color: var(--accent); }
.sentence.diff { padding: .25rem .5rem; font-size: .9rem; }
.sentence.diff.added { border-left-color: var(--good); }
.sentence.diff.removed { border-left-color: var(--bad); }
.sentence.diff.changed { border-left-color: var(--warn); }
.sentence ins { text-decoration: none; color: var(--ink); }
.sentence del { color: var(--quiet); }
.sentence .p { color: var(--faint); font-size: .8rem; white-space: nowrap; cursor: help; }
.warning { border-left: 2px solid var(--warn); padding: .25rem .75rem; color: var(--quiet); font-size: .86rem; margin: .3rem 0; }

/* cards and lists of features */
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(var(--cell, 17rem), 1fr)); gap: .7rem; }
.card { display: block; border: 1px solid var(--line); border-radius: 8px; padding: .75rem .9rem; color: var(--ink); }
a.card:hover { border-color: var(--accent); }
.card .name { display: block; font-weight: 500; margin-bottom: .15rem; }
.feature { display: grid; grid-template-columns: 4.4rem minmax(9rem, 1fr) var(--nums, auto); gap: 0 .9rem; align-items: center; padding: .42rem 0; border-bottom: 1px solid var(--line); min-height: 2.6rem; }
a.feature:hover, a.feature.on { background: var(--panel); }
.feature .id { color: var(--faint); font-size: .8rem; white-space: nowrap; }
.feature .text { line-height: 1.35; }
.feature .text.none { color: var(--faint); }
.feature .nums { color: var(--quiet); font-size: .8rem; display: grid; grid-template-columns: auto 4.6rem 11.5rem 5.6rem 3.4rem 6.2rem; gap: 0 .9rem; align-items: center; white-space: nowrap; }
.feature .nums > * { overflow: hidden; text-overflow: ellipsis; }
.feature .nums .n { text-align: right; }
.feature .nums .last { text-align: right; }
.feature .nums.compact { grid-template-columns: auto auto; }
.feature .strip { display: flex; gap: .3rem; }
.feature .strip img { width: 3rem; height: 3rem; background: #000; border: 1px solid var(--line); object-fit: contain; }
@media (max-width: 1150px) { .feature .nums { grid-template-columns: auto auto; } .feature .nums .extra { display: none; } }
.empty { border: 1px dashed var(--line); border-radius: 8px; padding: 1.6rem 1.4rem; color: var(--quiet); max-width: 46rem; line-height: 1.55; }
.empty code { color: var(--ink); background: var(--panel); padding: .1rem .3rem; border-radius: 4px; font-size: .92em; }
.empty b { color: var(--ink); font-weight: 500; display: block; margin-bottom: .2rem; }
.foot { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .3rem 1.4rem; border-top: 1px solid var(--line); margin-top: 1.4rem; padding-top: .55rem; color: var(--faint); font-size: .76rem; }

/* desk */
.stToastContainer { top: auto !important; bottom: 1.2rem; }
ins { text-decoration: none; color: var(--good); border-bottom: 1px solid currentColor; }
del { color: var(--bad); }
.rows.three { table-layout: fixed; }
.rows.three th:first-child { width: 5.5rem; }
.rows.cases td { vertical-align: top; }
.rows.cases td:first-child { width: 7rem; }
.rows td.differs { color: var(--warn); }
.rows.history td { padding: .25rem .6rem .25rem 0; font-size: .8rem; }
.ahead { position: absolute; width: 1px; height: 1px; overflow: hidden; visibility: hidden; }
.st-key-desk_keeper { position: absolute; height: 0; overflow: hidden; }
.keysheet { position: fixed; z-index: 1000; right: 2rem; bottom: 2rem; max-width: 30rem; background: var(--panel); color: var(--ink); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1.1rem; font-size: .84rem; line-height: 1.75; cursor: pointer; }
.keysheet td:first-child { white-space: nowrap; padding-right: .9rem; }
.keysheet kbd { color: var(--ink); }

/* signing in */
.st-key-door { max-width: 26rem; margin: 13vh auto 0; padding: 1.9rem 2.1rem 1.7rem; border: 1px solid var(--line); border-radius: 10px; background: var(--panel); }
.door .brand { color: var(--quiet); }
.door .hero { margin: 1.1rem 0 .45rem; }
.door p { margin-bottom: .3rem; overflow-wrap: anywhere; }
.who { border-top: 1px solid var(--line); padding-top: .7rem; }
.who .quiet { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; margin-bottom: .3rem; }

/* menu */
.brand { font-size: 1.06rem; font-weight: 650; letter-spacing: .01em; }
.menu { display: flex; flex-direction: column; gap: .1rem; margin: .2rem 0; }
.menu a { padding: .38rem .6rem; border-radius: 6px; color: var(--quiet); }
.menu a:hover { color: var(--ink); }
.menu a.on { background: var(--raised); color: var(--ink); }
section.stSidebar [data-testid="stSidebarContent"] { padding: 0 1rem; }
section.stSidebar [data-testid="stSidebarUserContent"] { padding: 0 0 1rem; }
section.stSidebar [data-testid="stSidebarHeader"] { height: 1.6rem; margin: 0; padding: 0; }
section.stSidebar [data-testid="stSidebarUserContent"] > div > .stVerticalBlock { min-height: calc(100vh - 4.2rem); gap: .8rem; }
section.stSidebar .stElementContainer:has(.research) { margin-top: auto; }
section.stSidebar { min-width: 13.2rem; max-width: 13.2rem; }
.research { color: var(--faint); font-size: .78rem; line-height: 1.5; }
@media (prefers-reduced-motion: no-preference) { .frame, .card, .menu a { transition: border-color .12s, color .12s; } }
"""
