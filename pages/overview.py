"""Overview: what this workspace is, how good it is, where to go."""

from html import escape

import streamlit as st

from saerad_core.explorer import FeatureQuery
from saerad_core.ui.components import (
    FactItem,
    chips,
    fact_strip,
    foot,
    heading,
    html,
    number,
    pseudo_chip,
    score,
    share,
    simulated_chip,
)
from saerad_core.ui.feature_rows import feature_rows
from saerad_core.ui.origin import dataset_table, encoder_table, funnel_table, made_table, taken_table
from saerad_core.ui.registry import PAGES
from saerad_core.ui.state import encoder_name, here

now = here()
manifest = now.workspace.manifest
counts, metrics, sae = manifest.counts, manifest.metrics, manifest.sae

labels = ([simulated_chip()] if now.simulated else []) + ([pseudo_chip()] if now.pseudo_reports else [])
title = manifest.dataset.title or now.name
what = "simulated chest X-rays" if now.simulated else "chest X-rays"
unit = "every patch of an X-ray" if sae.tokens == "patch" else "each X-ray"
html(
    chips(labels)
    + f'<div class="hero">{escape(title)}</div>'
    + f'<p class="lead">{number(counts.images)} {what} of {number(counts.patients)} patients with their reports, read by the vision '
    f"model <b>{escape(encoder_name(manifest))}</b>. A sparse autoencoder takes {unit} apart into a few of {number(counts.features)} "
    f"features, and {number(counts.described)} of them could be described from the reports. A feature leads to the X-rays that show "
    "it; an X-ray to its features and to a report in which every sentence can be followed back.</p>"
)  # fmt: skip

train = number(counts.train_images)
# Simulated statistics have no tokens to restore.
restored = [
    FactItem(
        score(metrics.explained_variance),
        f"explained variance (PCA {score(metrics.pca_explained_variance)})",
        f"Share of the variance of the encoder's tokens that the features restore, over patients of the test split; beside it PCA with {sae.k} components.",
    )
] if metrics.explained_variance else []  # fmt: skip
html(
    fact_strip(
        [
            FactItem(number(counts.images), f"X-rays, {number(counts.patients)} patients", f"X-rays of the workspace over all splits; {train} of them in the training split."),
            FactItem(number(counts.features), f"features, {number(counts.alive)} alive", "Width of the dictionary; alive: fires in at least one X-ray of the training split."),
            FactItem(share(metrics.dead_share), "dead", f"Share of features that never fire over the {train} training X-rays."),
            FactItem(number(counts.described), "described", "Features with a description that the reports of training patients support."),
            FactItem(number(counts.active_per_image, 1), "active an X-ray", f"Mean number of active features an X-ray, over all splits, under the rule: {sae.rule}"),
            FactItem(number(metrics.l0, 1), "L0", f"Mean non-zero coefficients a token, over patients of the test split. The dictionary keeps the {sae.k} largest."),
            *restored,
        ]
    )
)  # fmt: skip
if sae.rule:
    html(f'<p class="quiet" style="margin:.5rem 0 0">Active means: {escape(sae.rule)}</p>')

left, right = st.columns([2, 1], gap="medium")
with left:
    html(heading("Where to go", "The pages of this workspace."))
    cards = "".join(
        f'<a class="card nav" href="{escape(now.links.page(entry.name))}"><span class="name">{escape(entry.title)}</span>'
        f'<span class="quiet">{escape(entry.says)}</span></a>'
        for entry in PAGES[1:]
    )
    html(f'<div class="cards" style="--cell:13rem">{cards}</div>')
with right:
    html(
        heading(
            "From files to features",
            "X-rays left after each step of reading the dataset, and their share of the first.",
        )
    )
    html(funnel_table(manifest.funnel))

listing = now.explorer.features(FeatureQuery(described=True), first=0, count=8)
if listing.rows:
    html(
        heading(
            "Best supported descriptions",
            "Features whose description is said most clearly more often of X-rays that show them (z).",
            f"8 of {number(listing.total)}",
        )
    )
    images = now.explorer.sample_images([row.feature_id for row in listing.rows], 4)
    html(feature_rows(now, listing.rows, images=images))
for column, name, says, table in zip(
    st.columns(3, gap="medium"),
    ("Dataset", "Encoder", "How it was made"),
    (
        "Where the X-rays and reports come from.",
        "What turns an X-ray into embeddings; it isn't trained here.",
        "Enough to build the workspace again.",
    ),
    (
        dataset_table(manifest.dataset) + taken_table(manifest.funnel),
        encoder_table(manifest.encoder, encoder_name(manifest)),
        made_table(manifest),
    ),
    strict=True,
):
    with column:
        html(heading(name, says) + table)

made = manifest.provenance
foot(
    f"{made.get('program', 'SAE-Rad')} \N{MIDDLE DOT} built {made['date']}"
    if "date" in made
    else "The build is still finishing.",
    f"dictionary {sae.architecture}, {sae.tokens} tokens, k {sae.k}, trained on {sae.trained_on}",
)
