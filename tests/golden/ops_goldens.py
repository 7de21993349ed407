"""The public functions that are no layers: one file a family, of the calls in its table."""

import ops_axis_goldens  # noqa: F401, registers its files
import ops_elementwise_goldens  # noqa: F401
import ops_indexing_goldens  # noqa: F401
import ops_product_goldens  # noqa: F401
import ops_random_goldens  # noqa: F401
import ops_sequences_goldens  # noqa: F401
import ops_shape_goldens  # noqa: F401
import ops_text_goldens  # noqa: F401
