import pytest
import torch
from transformers import GPT2Config, GPT2Model
from transformers.pytorch_utils import Conv1D

from isogloss.encode.products import affine, has_fused, speed_up


@pytest.mark.parametrize("bias", [True, False])
def test_affine_maps_with_what_comes_after(bias):
    torch.manual_seed(0)
    x, other = torch.randn(2, 5, 7), torch.randn(2, 5, 9)
    weight, shift = torch.randn(9, 7), torch.randn(9) if bias else None
    plain = x @ weight.T + (shift if bias else 0)  # [2, 5, 9]
    with torch.inference_mode():
        torch.testing.assert_close(affine((weight, shift))(x), plain)
        torch.testing.assert_close(
            affine((weight, shift), "gelu")(x), torch.nn.functional.gelu(plain)
        )
        torch.testing.assert_close(affine((weight, shift), "add")(x, other), plain + other)


def test_a_sped_up_network_has_no_slow_map_left_and_gives_the_same():
    if not has_fused():
        pytest.skip("this build of torch has no fused products")
    torch.manual_seed(0)
    model = GPT2Model(GPT2Config(vocab_size=9, n_embd=16, n_layer=2, n_head=4)).eval()
    model.extra = torch.nn.Linear(16, 3, bias=False)
    ids = torch.arange(9)[None]
    with torch.inference_mode():
        before = model(ids).last_hidden_state
        extra = model.extra(before)
        speed_up(model)
        torch.testing.assert_close(model(ids).last_hidden_state, before)
        torch.testing.assert_close(model.extra(before), extra)
    maps = [m for m in model.modules() if isinstance(m, torch.nn.Linear | Conv1D)]
    assert len(maps) == 9
    assert not any(isinstance(m.weight, torch.nn.Parameter) for m in maps)
