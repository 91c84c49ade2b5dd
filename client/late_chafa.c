/*
 * late_chafa.c: libchafa's functions, without the library until there is a
 * picture to be drawn.
 */
#include "picture.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <chafa.h>

#include "output.h"

#define LIBRARY_NAME "libchafa.so.0"
/* Where the terminal does not say: a cell is twice as high as wide. */
#define FONT_RATIO 0.5f

#define FUNCTIONS(F)                                                           \
	F(chafa_calc_canvas_geometry) F(chafa_canvas_config_new)               \
	F(chafa_canvas_config_set_canvas_mode)                                 \
	F(chafa_canvas_config_set_cell_geometry)                               \
	F(chafa_canvas_config_set_geometry)                                    \
	F(chafa_canvas_config_set_pixel_mode)                                  \
	F(chafa_canvas_config_set_symbol_map)                                  \
	F(chafa_canvas_config_unref) F(chafa_canvas_draw_all_pixels)           \
	F(chafa_canvas_new) F(chafa_canvas_print) F(chafa_canvas_unref)        \
	F(chafa_symbol_map_add_by_tags) F(chafa_symbol_map_new)                \
	F(chafa_symbol_map_unref) F(chafa_term_db_detect)                      \
	F(chafa_term_db_get_default) F(chafa_term_info_have_seq)               \
	F(g_string_free)

#undef g_string_free /* some glibs have it as a macro */
#define FIELD(name) __typeof__(name) *name##_;
static struct {
	FUNCTIONS(FIELD)
} chafa;

#define NAME(name) {#name, offsetof(__typeof__(chafa), name##_)},
static const struct {
	const char *name;
	size_t at;
} names[] = {FUNCTIONS(NAME)};

static ChafaTermInfo *terminal; /* as long as the library: for good */

static bool
load(void)
{
	/* glib, which comes along, has things to do at exit: it stays. */
	void *library = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		void **field = (void **)((char *)&chafa + names[i].at);

		if ((*field = dlsym(library, names[i].name)) == NULL)
			return false;
	}
	return true;
}

static bool
has(ChafaTermSeq seq)
{
	return chafa.chafa_term_info_have_seq_(terminal, seq);
}

/* As many colours as it has; false: none to speak of. */
static bool
choose_colours(ChafaCanvasMode *out)
{
	if (has(CHAFA_TERM_SEQ_SET_COLOR_FGBG_DIRECT))
		*out = CHAFA_CANVAS_MODE_TRUECOLOR;
	else if (has(CHAFA_TERM_SEQ_SET_COLOR_FGBG_256))
		*out = CHAFA_CANVAS_MODE_INDEXED_240;
	else if (has(CHAFA_TERM_SEQ_SET_COLOR_FGBG_16))
		*out = CHAFA_CANVAS_MODE_INDEXED_16;
	else
		return false;
	return true;
}

static ChafaPixelMode
choose_pixels(void)
{
	if (has(CHAFA_TERM_SEQ_BEGIN_KITTY_IMMEDIATE_IMAGE_V1))
		return CHAFA_PIXEL_MODE_KITTY;
	if (has(CHAFA_TERM_SEQ_BEGIN_ITERM2_IMAGE))
		return CHAFA_PIXEL_MODE_ITERM2;
	if (has(CHAFA_TERM_SEQ_BEGIN_SIXELS))
		return CHAFA_PIXEL_MODE_SIXELS;
	return CHAFA_PIXEL_MODE_SYMBOLS;
}

bool
late_chafa_possible(void)
{
	ChafaCanvasMode colours;

	if (terminal == NULL && load())
		terminal = chafa.chafa_term_db_detect_(
			chafa.chafa_term_db_get_default_(), environ);
	return terminal != NULL && (choose_pixels() != CHAFA_PIXEL_MODE_SYMBOLS ||
				    choose_colours(&colours));
}

/* Are characters beyond ASCII shown as such? */
static bool
is_utf8(void)
{
	static const char *const says[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < 3; i++) {
		const char *value = getenv(says[i]);

		if (value != NULL && *value != '\0')
			return strcasestr(value, "utf-8") != NULL ||
			       strcasestr(value, "utf8") != NULL;
	}
	return false;
}

static ChafaCanvasConfig *
configure(const struct picture_room *room, uint32_t width, uint32_t height)
{
	ChafaCanvasConfig *config = chafa.chafa_canvas_config_new_();
	ChafaSymbolMap *symbols = chafa.chafa_symbol_map_new_();
	ChafaPixelMode pixels = choose_pixels();
	ChafaCanvasMode colours = CHAFA_CANVAS_MODE_TRUECOLOR;
	gint columns = (gint)room->columns, rows = (gint)room->rows;
	bool measured = room->cell_width > 0 && room->cell_height > 0;

	chafa.chafa_calc_canvas_geometry_(
		(gint)width, (gint)height, &columns, &rows,
		measured ? (gfloat)room->cell_width / (gfloat)room->cell_height
			 : FONT_RATIO,
		TRUE, FALSE);
	if (pixels == CHAFA_PIXEL_MODE_SYMBOLS)
		(void)choose_colours(&colours);
	chafa.chafa_symbol_map_add_by_tags_(
		symbols, is_utf8() ? CHAFA_SYMBOL_TAG_BLOCK |
					     CHAFA_SYMBOL_TAG_BORDER |
					     CHAFA_SYMBOL_TAG_SPACE
				   : CHAFA_SYMBOL_TAG_ASCII);
	chafa.chafa_canvas_config_set_symbol_map_(config, symbols);
	chafa.chafa_symbol_map_unref_(symbols);
	chafa.chafa_canvas_config_set_canvas_mode_(config, colours);
	chafa.chafa_canvas_config_set_pixel_mode_(config, pixels);
	chafa.chafa_canvas_config_set_geometry_(config, columns, rows);
	if (measured)
		chafa.chafa_canvas_config_set_cell_geometry_(
			config, (gint)room->cell_width,
			(gint)room->cell_height);
	return config;
}

void
late_chafa_draw(struct output *o, const struct picture_room *room,
		const uint8_t *pixels, uint32_t width, uint32_t height)
{
	ChafaCanvasConfig *config = configure(room, width, height);
	ChafaCanvas *canvas = chafa.chafa_canvas_new_(config);
	GString *text;

	chafa.chafa_canvas_draw_all_pixels_(canvas, CHAFA_PIXEL_RGB8, pixels,
					    (gint)width, (gint)height,
					    (gint)width * 3);
	text = chafa.chafa_canvas_print_(canvas, terminal);
	fwrite(text->str, 1, text->len, o->data);
	putc('\n', o->data);
	chafa.g_string_free_(text, TRUE);
	chafa.chafa_canvas_unref_(canvas);
	chafa.chafa_canvas_config_unref_(config);
}
