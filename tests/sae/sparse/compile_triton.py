"""Compile the GPU's kernels for a processor that needn't be here: python -m tests.sae.sparse.compile_triton

A process of its own, since what is compiled can't be interpreted and the other way round.
"""

# pyright: reportMissingImports=false, reportFunctionMemberAccess=false

import sys

from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile

from saerad_core.sae.adam import BETAS, EPS
from saerad_core.sae.sparse import triton_select, triton_update

HOPPER = GPUTarget("cuda", 90, 32)
TYPES = {
    "half": "*bf16",
    "products": "*bf16",
    "scores": "*fp64",
    "cand": "*i32",
    "count": "*i32",
    "starts": "*i64",
    "rows": "*i64",
    "indices": "*i64",
    "most": "i32",
    "m": "i32",
    "d": "i32",
    "k": "i32",
    "batch": "i32",
    "groups": "i32",
}
"""Of kernels' arguments; all others point to float32."""
WIDTH = {"D": 1_024}
FEATURES = WIDTH | {"SLOTS": triton_update.SLOTS}
KERNELS = (
    (triton_select._maxima, {"TOGETHER": triton_select.GROUPS, "SIZE": triton_select.GROUP}),
    (triton_select._gather, {"BLOCK": 1_024}),
    (triton_select._score, WIDTH),
    (triton_update.remainder, WIDTH),
    (triton_update.measure, FEATURES),
    (triton_update.update, FEATURES | {"B1": BETAS[0], "B2": BETAS[1], "EPS": EPS}),
)

if __name__ == "__main__":
    for kernel, constants in KERNELS:
        types = {name: "constexpr" if name in constants else TYPES.get(name, "*fp32") for name in kernel.arg_names}
        made = compile(ASTSource(fn=kernel, signature=types, constexprs=dict(constants)), target=HOPPER)
        sys.stdout.write(f"{kernel.__name__} {len(made.asm['cubin'])}\n")
